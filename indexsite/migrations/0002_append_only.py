"""The database itself refuses to change or delete what the audit trail and its seals say."""

from django.db import migrations

TABLES = ("indexsite_auditevent", "indexsite_auditseal", "indexsite_auditsealentry")

FUNCTION = """
CREATE FUNCTION indexsite_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$
"""
POSTGRESQL = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION indexsite_append_only()
"""
SQLITE = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FUNCTION, params=None)
        for table in TABLES:
            schema_editor.execute(POSTGRESQL.format(table=table), params=None)
    else:
        for table in TABLES:
            for verb in ("update", "delete"):
                schema_editor.execute(SQLITE.format(table=table, verb=verb), params=None)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION indexsite_append_only() CASCADE", params=None)
    else:
        for table in TABLES:
            for verb in ("update", "delete"):
                schema_editor.execute(f"DROP TRIGGER {table}_no_{verb}", params=None)


class Migration(migrations.Migration):
    dependencies = [("indexsite", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
