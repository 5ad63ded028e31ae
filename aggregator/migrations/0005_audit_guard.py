"""The database itself refuses to edit or remove audit events, and keeps the length of their chain.

Whoever may drop a trigger may still do both; then the hashes and the head show it (`manage.py doctor`). A later
migration that changes the audit table must make its triggers anew on SQLite, which copies the table.
"""

from django.db import migrations, models

EVENTS, HEAD = "aggregator_auditevent", "aggregator_audithead"
REFUSED = "the audit chain is append-only"

SQLITE = [
    f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON {EVENTS} BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
    f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON {EVENTS} BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
    f"CREATE TRIGGER audit_head_forward BEFORE UPDATE ON {HEAD} WHEN NEW.sequence <> OLD.sequence + 1 "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
    f"CREATE TRIGGER audit_head_stays BEFORE DELETE ON {HEAD} BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
]
SQLITE_BACK = [f"DROP TRIGGER {name}" for name in ("audit_no_update", "audit_no_delete", "audit_head_forward", "audit_head_stays")]
POSTGRESQL = [
    f"""
    CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    f"CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON {EVENTS} FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    f"CREATE TRIGGER audit_head_forward BEFORE UPDATE ON {HEAD} FOR EACH ROW "
    "WHEN (NEW.sequence <> OLD.sequence + 1) EXECUTE FUNCTION audit_refuse()",
    f"CREATE TRIGGER audit_head_stays BEFORE DELETE ON {HEAD} FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
]
POSTGRESQL_BACK = [
    f"DROP TRIGGER audit_append_only ON {EVENTS}",
    f"DROP TRIGGER audit_head_forward ON {HEAD}",
    f"DROP TRIGGER audit_head_stays ON {HEAD}",
    "DROP FUNCTION audit_refuse()",
]


def start_head(apps, schema_editor):
    """The chain so far is taken as it is."""
    newest = apps.get_model("aggregator", "AuditEvent").objects.order_by("-sequence").first()
    if newest is not None:
        apps.get_model("aggregator", "AuditHead").objects.create(pk=1, sequence=newest.sequence, hash=newest.hash)


def run(statements):
    def execute(apps, schema_editor):
        for statement in statements.get(schema_editor.connection.vendor, []):
            schema_editor.execute(statement)

    return execute


class Migration(migrations.Migration):
    dependencies = [("aggregator", "0004_opt_in")]
    operations = [
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sequence", models.PositiveBigIntegerField()),
                ("hash", models.CharField(max_length=64)),
            ],
            options={"constraints": [models.CheckConstraint(condition=models.Q(("pk", 1)), name="audit_head_once")]},
        ),
        migrations.RunPython(start_head, migrations.RunPython.noop),
        migrations.RunPython(
            run({"sqlite": SQLITE, "postgresql": POSTGRESQL}), run({"sqlite": SQLITE_BACK, "postgresql": POSTGRESQL_BACK})
        ),
    ]
