#!/usr/bin/env python
"""Command-line entry point: `uv run --frozen manage.py <command>`."""

import os
import secrets
import sys

# They compare models with files and serve nobody, so whatever key they have protects nothing.
WITHOUT_SECRETS = {"makemigrations"}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "indexsite.settings")
    if WITHOUT_SECRETS.intersection(sys.argv[1:2]) and not os.environ.get("SECRET_KEY_FILE"):
        os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(50))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
