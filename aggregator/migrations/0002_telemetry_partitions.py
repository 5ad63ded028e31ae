"""On PostgreSQL the samples live in a table partitioned by day; partitions are made when first written.

The model is the same on both databases, so Django's state does not change. There is no default
partition: a row for a day that nobody prepared is an error, never a slow heap.
"""

from django.db import migrations

TABLE = "aggregator_telemetrysample"
COLUMNS = """
    asset_id bigint NOT NULL,
    at timestamptz NOT NULL,
    injection_kw double precision,
    soc_ratio double precision,
    resolution_s smallint NOT NULL,
    quality smallint NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (asset_id, at)
"""


def partition(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP TABLE {TABLE}")
        schema_editor.execute(f"CREATE TABLE {TABLE} ({COLUMNS}) PARTITION BY RANGE (at)")


def flatten(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP TABLE {TABLE}")
        schema_editor.execute(f"CREATE TABLE {TABLE} ({COLUMNS})")


class Migration(migrations.Migration):
    dependencies = [("aggregator", "0001_initial")]
    operations = [migrations.RunPython(partition, flatten)]
