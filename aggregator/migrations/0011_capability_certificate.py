import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("aggregator", "0010_feeders_and_split_rule"),
    ]

    operations = [
        migrations.CreateModel(
            name="CapabilityCertificate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("direction", models.CharField(choices=[("up", "up"), ("down", "down")], max_length=4)),
                ("kw", models.FloatField()),
                ("issued_on", models.DateField()),
                ("valid_until", models.DateField()),
                ("document", models.CharField(max_length=200)),
                ("source", models.CharField(max_length=200)),
                (
                    "asset",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="certificates",
                        to="aggregator.asset",
                    ),
                ),
                (
                    "portfolio",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="certificates",
                        to="aggregator.portfolio",
                    ),
                ),
            ],
            options={
                "ordering": ["issued_on", "document"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("asset", None)),
                        fields=("portfolio", "direction", "issued_on", "document"),
                        name="certificate_of_portfolio_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("portfolio", None)),
                        fields=("asset", "direction", "issued_on", "document"),
                        name="certificate_of_asset_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("asset__isnull", False), ("portfolio", None)),
                            models.Q(("asset", None), ("portfolio__isnull", False)),
                            _connector="OR",
                        ),
                        name="certificate_subject",
                    ),
                    models.CheckConstraint(condition=models.Q(("direction__in", ("up", "down"))), name="certificate_direction"),
                    models.CheckConstraint(condition=models.Q(("kw__gt", 0)), name="certificate_kw"),
                    models.CheckConstraint(condition=models.Q(("valid_until__gte", models.F("issued_on"))), name="certificate_dates"),
                ],
            },
        ),
    ]
