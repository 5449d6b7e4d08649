"""What `manage.py demo` creates: people, projects, tokens. `docs/operations/demo.md` lists them."""
