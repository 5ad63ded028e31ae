"""Assets with their frozen specs, the portfolios that offer them, and what is promised of them."""

from django.db import models
from django.db.models import F, Q

from aggregator.enterprises.models import Feeder, Park, Site
from aggregator.support.models import Identified

SPLIT_RULES = ("cost", "pro_rata", "rotation", "floor")  # who is called first; see docs/disaggregation.md
CERTIFIED_DIRECTIONS = ("up", "down")
# `opt_in` ends the opt-out of the same reference from its start on: a fact is never edited.
COMMITMENT_KINDS = ("intervened", "reserved", "event_day", "outage", "opt_out", "opt_in")


class Asset(Identified):
    """`kind` names a file of assets/domain; `spec` is what that file validates."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="assets")
    feeder = models.ForeignKey(Feeder, null=True, blank=True, on_delete=models.PROTECT, related_name="assets")
    code = models.SlugField(max_length=60)
    kind = models.CharField(max_length=30)
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)
    spec = models.JSONField()
    source = models.CharField(max_length=200, blank=True)  # measured (where from), assumed or synthetic

    class Meta:
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["site", "code"], name="asset_code")]

    def __str__(self) -> str:
        return self.code


class Portfolio(Identified):
    """Assets offered to the market as one. `split_rule`: how instructions are shared out, as declared to the enterprises."""

    park = models.ForeignKey(Park, on_delete=models.PROTECT, related_name="portfolios")
    code = models.SlugField(max_length=60)
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)
    split_rule = models.CharField(max_length=10, choices=[(r, r) for r in SPLIT_RULES], default="cost")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["park", "code"], name="portfolio_code"),
            models.CheckConstraint(condition=Q(split_rule__in=SPLIT_RULES), name="portfolio_split_rule"),
        ]

    def __str__(self) -> str:
        return self.code


class PortfolioMember(models.Model):
    """An asset belongs to a portfolio for [valid_from, valid_to); open end = null."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="members")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="portfolio_memberships")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["asset", "valid_from"], name="portfolio_member_once"),
            models.CheckConstraint(condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="portfolio_member_dates"),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio} {self.asset}"


class Commitment(models.Model):
    """Facts that lower topics need, written down by higher ones: intervened, reserved, event day..."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="commitments")
    kind = models.CharField(max_length=20, choices=[(k, k) for k in COMMITMENT_KINDS])
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    available_at = models.DateTimeField()
    reference = models.CharField(max_length=120, blank=True)
    # Of a `reserved` window: what is held back, and for how long it must last once called; null = the whole asset.
    up_kw = models.FloatField(null=True, blank=True)
    down_kw = models.FloatField(null=True, blank=True)
    lasting_hours = models.FloatField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["asset", "kind", "starts_at", "ends_at", "reference"], name="commitment_once"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="commitment_window"),
            models.CheckConstraint(condition=Q(kind__in=COMMITMENT_KINDS), name="commitment_kind"),
            models.CheckConstraint(
                condition=Q(up_kw=None, down_kw=None, lasting_hours=None)
                | Q(kind="reserved", up_kw__gte=0, down_kw__gte=0, lasting_hours__gt=0),
                name="commitment_reserve",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asset} {self.kind}"


class CapabilityCertificate(models.Model):
    """What a portfolio, or one asset, may move by certificate: `kw` above (up) or below (down) its baseline, both days included."""

    portfolio = models.ForeignKey(Portfolio, null=True, blank=True, on_delete=models.CASCADE, related_name="certificates")
    asset = models.ForeignKey(Asset, null=True, blank=True, on_delete=models.CASCADE, related_name="certificates")
    direction = models.CharField(max_length=4, choices=[(d, d) for d in CERTIFIED_DIRECTIONS])
    kw = models.FloatField()
    issued_on = models.DateField()
    valid_until = models.DateField()
    document = models.CharField(max_length=200)
    source = models.CharField(max_length=200)  # who says so: measured test, assumed or synthetic

    class Meta:
        ordering = ["issued_on", "document"]
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "direction", "issued_on", "document"], condition=Q(asset=None), name="certificate_of_portfolio_once"
            ),
            models.UniqueConstraint(
                fields=["asset", "direction", "issued_on", "document"], condition=Q(portfolio=None), name="certificate_of_asset_once"
            ),
            models.CheckConstraint(
                condition=Q(portfolio=None, asset__isnull=False) | Q(portfolio__isnull=False, asset=None), name="certificate_subject"
            ),
            models.CheckConstraint(condition=Q(direction__in=CERTIFIED_DIRECTIONS), name="certificate_direction"),
            models.CheckConstraint(condition=Q(kw__gt=0), name="certificate_kw"),
            models.CheckConstraint(condition=Q(valid_until__gte=F("issued_on")), name="certificate_dates"),
        ]

    def __str__(self) -> str:
        return self.document
