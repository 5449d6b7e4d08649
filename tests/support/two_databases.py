"""Which tests run on SQLite and on PostgreSQL: the one place that says so.

All others run once: tests on SQLite, which is quicker to ask, journeys on PostgreSQL, where earnest sites run.
On the list is what can come out differently: locks, waiting for them, transactions that break, constraints and
triggers, SQL of our own, search, grouping and order; and a walk that opens every address and does every act, so
that no query of theirs is seen by one database alone. `make test ALL=1` and `make journeys ALL=1` ignore the list.
"""

from __future__ import annotations

# Folder, module or test -> what may differ.
BOTH = {
    # Every address and every act, once.
    "tests/policies/test_looking.py": "opens every address",
    "tests/policies/test_object_addresses.py::test_whoever_may_do_it_can": "does every act",
    # Two at a time, and transactions that end early.
    "tests/concurrency": "locks",
    "tests/crash": "what a killed server leaves",
    "tests/accounts/test_new_places.py": "locks",
    "tests/accounts/test_new_rights.py": "what happens after the commit",
    "tests/accounts/test_races.py": "locks",
    "tests/accounts/test_session_races.py": "locks",
    "tests/mfa/test_key_abuse.py::test_one_answer_sent_four_times_at_once_is_accepted_once": "locks",
    "tests/mfa/test_recovery_codes.py": "locks",
    "tests/recovery/test_evidence_silence.py": "locks",
    "tests/recovery/test_rivals.py": "two cases about one account",
    "tests/releases/test_limits_of_people.py": "what is counted although the act fails",
    "tests/releases/test_publish_meanwhile.py": "what changes between the question and the lock",
    "tests/tokens/test_authentication.py": "locks that nobody waits for",
    # The floor, which is written against both.
    "tests/floor/test_audit_and_clock.py": "transactions",
    "tests/floor/test_audit_seal.py": "triggers",
    "tests/floor/test_audit_trail.py": "triggers, and tables that somebody has altered",
    "tests/floor/test_health.py": "a database that does not answer",
    "tests/floor/test_limits.py": "SQL of our own",
    "tests/floor/test_mail.py": "transactions",
    "tests/floor/test_prepared.py": "prepared statements",
    "tests/floor/test_sealing.py": "bytes in columns",
    "tests/floor/test_task_backend.py": "the queue's locks",
    "tests/floor/test_worker_process.py": "the queue between processes",
    "tests/management/test_serve.py": "a database that is away, or not migrated",
    "tests/management/test_demo.py::test_every_run_prints_the_same_object": "makes a row of nearly every table",
    "tests/management/test_demo.py::test_two_databases_have_nothing_secret_in_common": "empties all tables",
    "tests/wsgi": "SQL of our own, and connections that broke",
    # Constraints and triggers.
    "tests/accounts/test_signing_keys.py": "constraints",
    "tests/accounts/test_staff.py": "constraints",
    "tests/mfa/test_enrolment.py": "constraints",
    "tests/mfa/test_keys.py": "constraints",
    "tests/recovery/test_constraints.py": "constraints and triggers",
    "tests/recovery/test_forgetting.py": "triggers that let rows go",
    "tests/releases/drafts/test_waiting.py": "what one connection sees of the changes of another",
    "tests/releases/test_critical.py": "constraints",
    "tests/releases/test_reports.py": "constraints",
    "tests/releases/drafts/test_publishing_policy.py": "constraints",
    "tests/releases/drafts/test_review_marks.py": "constraints, and a join that may find nothing",
    "tests/releases/drafts/test_evidence.py": "triggers, and bytes in columns",
    "tests/releases/test_policy_changes.py::test_the_table_keeps_to_two_people_and_to_its_time": "constraints",
    # SQL of our own, search, order, grouping, JSON.
    "tests/recovery/test_cases.py": "queries over JSON, and the acts that lock a case",
    "tests/recovery/test_console_queue.py": "grouping and order",
    "tests/recovery/test_facts.py": "grouping",
    "tests/recovery/test_figures.py": "grouping, and figures over months",
    "tests/releases/test_api_projects.py": "order and pages",
    "tests/releases/test_downloads.py": "SQL of our own",
    "tests/releases/test_feeds.py": "order",
    "tests/releases/test_json_api.py": "JSON",
    "tests/releases/test_manage_pages.py": "grouping",
    "tests/releases/test_page_refresh.py": "SQL of our own",
    "tests/releases/test_public_pages.py": "search",
    "tests/releases/test_publish.py": "SQL of our own, and a bound on waiting",
    "tests/releases/test_simple_views.py": "SQL of our own",
    "tests/releases/people/test_reach.py": "unions of who has rights by which way",
    # Of the journeys: what a site goes through that is tried out with `make run`, on SQLite.
    "tests/journeys/test_newcomer.py": "the embedded database under server and worker",
    "tests/journeys/test_publish.py": "the embedded database under server and worker",
    "tests/journeys/test_lifecycle.py": "the embedded database under server and worker",
    "tests/journeys/test_download_counts.py": "writes of a server that ends",
    "tests/tokens/test_token_journey.py": "a server in the process that tests",
}

# Modules that speak to one database otherwise than to the other, or in SQL -> tests of them on both.
CODE = {
    "indexsite/limits.py": "tests/floor/test_limits.py",
    "indexsite/prepared.py": "tests/floor/test_prepared.py",
    "indexsite/triggers.py": "tests/floor/test_audit_trail.py",
    "recovery/actions/story.py": "tests/concurrency/test_recovery.py",
    "releases/actions/releasing.py": "tests/releases/test_publish.py",
    "releases/downloads.py": "tests/releases/test_downloads.py",
    "releases/serving.py": "tests/wsgi",
    "tokens/authentication.py": "tests/tokens/test_authentication.py",
}

# Tests with a sign of needing both that do not -> why.
ONCE = {
    "tests/accounts/test_staff_factors.py": "reads one column as it is stored",
}


def runs_on_both(nodeid: str) -> bool:
    """Whether the test, by pytest's name for it, is on the list itself, or its module or folder is."""
    return any(nodeid == row or nodeid.startswith((f"{row}/", f"{row}::", f"{row}[")) for row in BOTH)
