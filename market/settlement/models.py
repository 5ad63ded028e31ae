"""Settlement runs (versioned), their lines, and the statements that enterprises receive."""

from django.db import models
from django.db.models import F, Q

from aggregator.assets.models import Portfolio
from aggregator.enterprises.models import AgencyContract, Enterprise
from aggregator.kernel.lifecycle import Lifecycle
from aggregator.support.models import Identified

RUN = Lifecycle("settlement run", {"provisional": ("final", "superseded"), "final": (), "superseded": ()})
COMPONENTS = (
    "spot.day_ahead",
    "spot.deviation",
    "demand_response.energy",
    "demand_response.penalty",
    "green.premium",  # received for neighbour matches
    "green.purchase",  # paid for them: the same exact sum, negative
)
PARTIES = ("enterprise", "operator")


class SettlementRun(Identified):
    """Everything of one portfolio and delivery day, computed from what was known at `as_of`."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="settlement_runs")
    delivery_day = models.DateField()
    version = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=RUN.choices, default="provisional")
    as_of = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    rule_pack = models.CharField(max_length=80)
    inputs_hash = models.CharField(max_length=64)
    market_total_fen = models.BigIntegerField()  # what the market pays, net of penalties
    enterprises_total_fen = models.BigIntegerField()
    operator_total_fen = models.BigIntegerField()
    unverified = models.JSONField(default=list)  # without evidence, so without money: [{site, starts_at, why}]
    delivery = models.JSONField(default=dict)  # evidence of called demand response, kWh as text: docs/settlement.md section 7

    class Meta:
        ordering = ["-delivery_day", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "delivery_day", "version"], name="settlement_run_once"),
            models.CheckConstraint(condition=Q(state__in=RUN.states), name="settlement_run_state"),
            models.CheckConstraint(
                condition=Q(market_total_fen=F("enterprises_total_fen") + F("operator_total_fen")), name="settlement_run_balances"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio} {self.delivery_day} v{self.version}"


class SettlementLine(models.Model):
    """(delivery day, contract, product component) -> fen, split between enterprise and operator.

    contract null = the operator's own account (what no contract explains, e.g. award minus nominations).
    """

    run = models.ForeignKey(SettlementRun, on_delete=models.CASCADE, related_name="lines")
    contract = models.ForeignKey(AgencyContract, null=True, on_delete=models.PROTECT, related_name="settlement_lines")
    component = models.CharField(max_length=30, choices=[(c, c) for c in COMPONENTS])
    quantity_kwh = models.DecimalField(max_digits=14, decimal_places=3)
    amount_cny = models.DecimalField(max_digits=24, decimal_places=10)  # unrounded sum of the periods: Wh x 0.0001 CNY/MWh fits
    gross_fen = models.BigIntegerField()
    enterprise_fen = models.BigIntegerField()
    operator_fen = models.BigIntegerField()
    periods = models.JSONField(default=list)  # [[starts_at, kwh, price_cny_per_mwh, amount_cny], ...] as text

    class Meta:
        ordering = ["contract", "component"]
        constraints = [
            models.UniqueConstraint(fields=["run", "contract", "component"], name="settlement_line_once"),
            models.UniqueConstraint(fields=["run", "component"], condition=Q(contract=None), name="settlement_line_own_account_once"),
            models.CheckConstraint(condition=Q(component__in=COMPONENTS), name="settlement_line_component"),
            models.CheckConstraint(condition=Q(gross_fen=F("enterprise_fen") + F("operator_fen")), name="settlement_line_balances"),
        ]

    def __str__(self) -> str:
        return f"{self.run} {self.contract} {self.component}"


class Statement(Identified):
    """What one enterprise receives for one run."""

    run = models.ForeignKey(SettlementRun, on_delete=models.PROTECT, related_name="statements")
    enterprise = models.ForeignKey(Enterprise, on_delete=models.PROTECT, related_name="statements")
    contract = models.ForeignKey(AgencyContract, on_delete=models.PROTECT, related_name="statements")
    total_fen = models.BigIntegerField()
    issued_at = models.DateTimeField()
    replaces = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by")

    class Meta:
        ordering = ["-issued_at", "enterprise"]
        constraints = [models.UniqueConstraint(fields=["run", "contract"], name="statement_once")]

    def __str__(self) -> str:
        return f"{self.enterprise} {self.run}"


class StatementLine(models.Model):
    """An original line, or the correction (new minus old) that a later version adds."""

    statement = models.ForeignKey(Statement, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveSmallIntegerField()
    component = models.CharField(max_length=30, choices=[(c, c) for c in COMPONENTS])
    quantity_kwh = models.DecimalField(max_digits=14, decimal_places=3)
    gross_fen = models.BigIntegerField()
    operator_fen = models.BigIntegerField()
    amount_fen = models.BigIntegerField()
    correction_of_version = models.PositiveSmallIntegerField(null=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["statement", "number"], name="statement_line_once"),
            models.CheckConstraint(condition=Q(amount_fen=F("gross_fen") - F("operator_fen")), name="statement_line_balances"),
        ]

    def __str__(self) -> str:
        return f"{self.statement} {self.number}"
