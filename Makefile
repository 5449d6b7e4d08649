# `make` alone lists what there is. Every target installs what it needs first.

PYTHON := .venv/bin/python
PORT ?= 8000
# Two at most: the machine may be smaller than it looks, and shared.
PROCESSES ?= 2
PYTEST := $(PYTHON) -m pytest -n $(PROCESSES) --dist worksteal
# What depends on the database runs on both: tests/support/two_databases.py lists it. ALL=1: everything does.
BOTH := $(if $(ALL),,and both_databases)
# Where journeys are: collecting all tests takes each process half a minute.
JOURNEYS := tests/journeys tests/tokens/test_token_journey.py
# Coverage is measured in one run: the second executes the same lines on another database.
MEASURED := $(PYTHON) $(if $(MEASURE),-m slipcover --json --out $(MEASURE)) -m pytest -n $(PROCESSES) --dist worksteal

# Tests start dozens of processes. Without bytecode on disk each spends seconds on compiling what it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test ci proof bench lint format types docs reference asvs journeys shell clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: ## Serve a demo site on http://localhost:8000 (PORT=8001 for another port)
	@scripts/install.sh
	@$(PYTHON) scripts/run.py --port $(PORT)

test: ## Run the test suite on SQLite, and on a real PostgreSQL what depends on the database (ALL=1: everything)
	@scripts/install.sh test
	TEST_DATABASE=sqlite $(MEASURED) -m "not proof and not journey"
	TEST_DATABASE=postgresql $(PYTEST) -m "not proof and not journey $(BOTH)"

journeys: ## Run the journeys: production server, real clients, real browser, on PostgreSQL, some on SQLite too
	@scripts/install.sh test
	TEST_DATABASE=postgresql $(PYTEST) -m "journey and not proof" $(JOURNEYS)
	TEST_DATABASE=sqlite $(PYTEST) -m "journey and not proof $(BOTH)" $(JOURNEYS)

ci: ## Run everything that must hold before a change lands
	@scripts/install.sh dev
	@$(PYTHON) scripts/ci.py

proof: ## Run the long demonstrations; records results under bench/results/
	@scripts/install.sh test
	$(PYTHON) scripts/proof.py

bench: ## Run the side-by-side benchmarks; writes bench/results/*.json and a table
	@scripts/install.sh test
	$(PYTHON) -m bench

lint: ## Check style, templates and import rules
	@scripts/install.sh dev
	@$(PYTHON) scripts/ci.py --only lint

format: ## Format the code
	@scripts/install.sh dev
	.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .

types: ## Check types
	@scripts/install.sh dev
	@$(PYTHON) scripts/ci.py --only types

docs: ## Build the documentation into docs/_build/html
	@scripts/install.sh dev
	@$(PYTHON) scripts/ci.py --only docs
	@echo "docs/_build/html/index.html"

reference: ## Write the pages of the documentation that are made from code
	@scripts/install.sh test
	$(PYTHON) scripts/permissions.py
	$(PYTHON) scripts/doors.py
	$(PYTHON) scripts/asvs.py --render
	WRITE_CONSOLE_PAGE=1 $(PYTHON) -m pytest -n0 tests/docs/test_console_page.py

asvs: ## Run the tests that show requirements of ASVS 5.0, and write their table
	@scripts/install.sh test
	$(PYTHON) scripts/asvs.py

shell: ## Open a Python shell on the demo database
	@scripts/install.sh
	@DEBUG=1 DEMO=1 $(PYTHON) manage.py shell

clean: ## Remove what these targets made, the demo site's data included
	rm -rf .venv var docs/_build .mypy_cache .ruff_cache .import_linter_cache .coverage*
