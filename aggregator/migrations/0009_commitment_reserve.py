from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("aggregator", "0008_pareto_report"),
    ]

    operations = [
        migrations.AddField(model_name="commitment", name="up_kw", field=models.FloatField(blank=True, null=True)),
        migrations.AddField(model_name="commitment", name="down_kw", field=models.FloatField(blank=True, null=True)),
        migrations.AddField(model_name="commitment", name="lasting_hours", field=models.FloatField(blank=True, null=True)),
        migrations.AddConstraint(
            model_name="commitment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("down_kw", None), ("lasting_hours", None), ("up_kw", None)),
                    models.Q(("down_kw__gte", 0), ("kind", "reserved"), ("lasting_hours__gt", 0), ("up_kw__gte", 0)),
                    _connector="OR",
                ),
                name="commitment_reserve",
            ),
        ),
    ]
