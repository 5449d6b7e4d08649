"""The database itself keeps factors: none is deleted, and none stops counting without a record of a good ground."""

from django.db import migrations

from indexsite.triggers import Refusal, installing

FACTORS = {
    "otp_totp_totpdevice": "otp_totp.totpdevice",
    "mfa_securitykey": "mfa.securitykey",
    "mfa_recoverydevice": "mfa.recoverydevice",
}
RECORD = """
EXISTS (SELECT 1 FROM mfa_factorremoval AS r
        WHERE r.device = '{label}/' || OLD.id AND r.user_id = OLD.user_id)
"""
BY_OWNER = """
NEW.event_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM indexsite_auditevent AS e
    WHERE e.id = NEW.event_id AND e.about_id = NEW.user_id AND e.actor_id = NEW.user_id
    AND e.name = CASE NEW.ground
        WHEN 'removed' THEN 'factor.removed' WHEN 'replaced' THEN 'factor.added' WHEN 'closed' THEN 'account.closed'
    END)
"""
BY_CASE = """
NEW.case_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM recovery_recoverycase AS c
    WHERE c.id = NEW.case_id AND c.user_id = NEW.user_id AND c.state = 'executed' AND c.executed_at = NEW.removed_at)
"""


def refusals():
    for table, label in FACTORS.items():
        record = RECORD.format(label=label)
        yield Refusal(f"{table}_stays", table, "DELETE", "factors are never deleted")
        yield Refusal(
            f"{table}_removed",
            table,
            "UPDATE OF confirmed",
            "a factor stops counting only by a record of its removal",
            f"OLD.confirmed AND NOT NEW.confirmed AND NOT {record}",
        )
        yield Refusal(
            f"{table}_back",
            table,
            "UPDATE OF confirmed",
            "a removed factor does not come back",
            f"NEW.confirmed AND NOT OLD.confirmed AND {record}",
        )
        yield Refusal(
            f"{table}_owner", table, "UPDATE OF user_id", "a factor stays with its owner", "OLD.user_id <> NEW.user_id"
        )
    yield Refusal(
        "mfa_securitykey_same",
        "mfa_securitykey",
        "UPDATE OF public_key, credential_id, credential_id_sha256",
        "a key stays the same one",
        "OLD.public_key <> NEW.public_key OR OLD.credential_id <> NEW.credential_id "
        "OR OLD.credential_id_sha256 <> NEW.credential_id_sha256",
    )
    yield Refusal("mfa_recoverycode_stays", "mfa_recoverycode", "DELETE", "recovery codes are never deleted")
    table = "mfa_factorremoval"
    yield Refusal(f"{table}_event", table, "INSERT", "the ground is no act of the owner", BY_OWNER)
    yield Refusal(f"{table}_case", table, "INSERT", "the ground is no recovery that is due", BY_CASE)
    yield Refusal(f"{table}_no_update", table, "UPDATE", "removals are append-only")
    yield Refusal(f"{table}_no_delete", table, "DELETE", "removals are append-only")


class Migration(migrations.Migration):
    dependencies = [
        ("mfa", "0005_removals_are_records"),
        ("recovery", "0001_initial"),
        ("indexsite", "0002_append_only"),
        ("otp_totp", "0003_add_timestamps"),
    ]

    operations = [
        migrations.RunSQL(
            "DROP INDEX mfa_one_authenticator_app",
            "CREATE UNIQUE INDEX mfa_one_authenticator_app ON otp_totp_totpdevice (user_id)",
        ),
        migrations.RunSQL(
            "CREATE UNIQUE INDEX mfa_one_authenticator_app ON otp_totp_totpdevice (user_id) WHERE confirmed",
            "DROP INDEX mfa_one_authenticator_app",
        ),
        installing(*refusals()),
    ]
