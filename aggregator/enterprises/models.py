"""Parks, the enterprises in them, the contracts under which we operate, and who may see what."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from aggregator.support.models import Identified

MEMBER_ROLES = ("manager", "viewer")
# Groups of staff users (django.contrib.auth): three-role split of the control room.
STAFF_ROLES = ("operator", "settlement", "auditor")


class Park(Identified):
    code = models.SlugField(max_length=60, unique=True)
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)
    province = models.CharField(max_length=20)
    time_zone = models.CharField(max_length=40, default="Asia/Shanghai")
    latitude = models.FloatField()
    longitude = models.FloatField()
    resolution_s = models.PositiveIntegerField(default=900)
    synthetic = models.BooleanField()
    notes = models.JSONField(default=list)  # what is assumed, measured, aligned; shown on screen
    twin = models.JSONField(default=dict)  # the park twin's scenario: seed, faults, delays
    manifest_sha256 = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.code


class Enterprise(Identified):
    park = models.ForeignKey(Park, on_delete=models.PROTECT, related_name="enterprises")
    code = models.SlugField(max_length=60)
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)

    class Meta:
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["park", "code"], name="enterprise_code")]

    def __str__(self) -> str:
        return self.code


class Membership(models.Model):
    """A person's role at an enterprise."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=[(r, r) for r in MEMBER_ROLES])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "enterprise"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=MEMBER_ROLES), name="membership_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.enterprise} {self.role}"


class AgencyContract(Identified):
    """Dated terms: [valid_from, valid_to). Overlap within an enterprise is refused by the operation."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.PROTECT, related_name="contracts")
    number = models.CharField(max_length=60, unique=True)
    valid_from = models.DateField()
    valid_to = models.DateField()
    share_rule = models.JSONField()  # {"kind": "fixed_share", "operator_ratio": {"spot": "0.20", ...}}
    contract_curve = models.JSONField(default=dict)  # how the medium- and long-term curve is declared

    class Meta:
        ordering = ["number"]
        constraints = [models.CheckConstraint(condition=Q(valid_to__gt=F("valid_from")), name="contract_dates")]

    def __str__(self) -> str:
        return self.number


class Site(Identified):
    """A grid connection. `export_share_ratio`: most of the day's own generation that may be exported (0.2 in some provinces, 0 = no
    export); null = no such rule. `least_call_ratio`: share of every instruction that is promised to the site (rule "floor").
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.PROTECT, related_name="sites")
    code = models.SlugField(max_length=60)
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)
    import_limit_kw = models.FloatField()
    export_limit_kw = models.FloatField()
    tariff_class = models.CharField(max_length=40)
    export_share_ratio = models.FloatField(null=True, blank=True)
    least_call_ratio = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["enterprise", "code"], name="site_code"),
            models.CheckConstraint(condition=Q(import_limit_kw__gte=0, export_limit_kw__gte=0), name="site_limits"),
            models.CheckConstraint(
                condition=Q(export_share_ratio=None) | Q(export_share_ratio__gte=0, export_share_ratio__lte=1), name="site_export_share"
            ),
            models.CheckConstraint(
                condition=Q(least_call_ratio=None) | Q(least_call_ratio__gte=0, least_call_ratio__lte=1), name="site_least_call"
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Feeder(Identified):
    """A feeder or transformer behind a connection: limits [kW] on what stands behind it. `parent`: the one around it, of the same
    site and without a parent itself.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="feeders")
    code = models.SlugField(max_length=60)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="inner")
    import_limit_kw = models.FloatField()
    export_limit_kw = models.FloatField()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["site", "code"], name="feeder_code"),
            models.CheckConstraint(condition=Q(import_limit_kw__gte=0, export_limit_kw__gte=0), name="feeder_limits"),
        ]

    def __str__(self) -> str:
        return self.code
