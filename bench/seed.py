"""Prepares our database for a benchmark: people who may upload, and their projects.

Prints the tokens that are good for each project as JSON.

Run by `bench.servers` in a process of its own, with the settings of the server under test.
"""

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "indexsite.settings")

# Each person may upload a bounded number of files an hour: hence many, and three for the large project.
PEOPLE = 40


def main() -> None:
    import django

    django.setup()
    from allauth.account.models import EmailAddress
    from django.db import transaction
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from accounts.models import User
    from indexsite import clock
    from indexsite.actors import Actor, SessionCredential
    from releases.actions import pages
    from releases.models import Project, Role, RoleKind
    from tokens.actions import create_token

    now = clock.now()
    people, tokens = [], []
    for n in range(PEOPLE):
        user = User.objects.create_user(f"bench{n}", f"bench{n}@example.org", None)
        people.append(user)
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
        device = TOTPDevice.objects.create(user=user, name="phone", confirmed=True)
        actor = Actor(
            user, SessionCredential(), factor=device.persistent_id, factor_at=now, reauthenticated_at=now
        )
        # Outside a transaction: making a token is counted before it happens.
        made = create_token(actor=actor, description="bench", project=None, expires_at=None, at=now)
        tokens.append(made.secret)
    good_for: dict[str, list[str]] = {}
    with transaction.atomic():
        for number, name in enumerate(json.loads(sys.argv[1])):
            project = Project.objects.create(name=name, created_at=now)
            chosen = range(3) if name == "large" else [3 + number % (PEOPLE - 3)]
            for n in chosen:
                Role.objects.create(project=project, user=people[n], kind=RoleKind.OWNER, granted_at=now)
            good_for[name] = [tokens[n] for n in chosen]
            pages.refresh_project(project)
    print(json.dumps(good_for))


if __name__ == "__main__":
    main()
