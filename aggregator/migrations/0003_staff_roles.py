"""The groups of the control room's roles exist from the first migration on."""

from django.db import migrations

ROLES = ("operator", "settlement", "auditor")


def create(apps, schema_editor):
    for role in ROLES:
        apps.get_model("auth", "Group").objects.get_or_create(name=role)


class Migration(migrations.Migration):
    dependencies = [
        ("aggregator", "0002_telemetry_partitions"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
