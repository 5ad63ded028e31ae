"""What the records back office calls its tables. The topics' models know no words for people."""

from collections.abc import Iterable

from django.apps.config import AppConfig
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

APPS = {"aggregator": _("Assets and dispatch"), "market": _("Market and settlement"), "axes": _("Sign-in protection")}

# Model -> one row, many rows.
MODELS = {
    "aggregator.acknowledgement": (_("acknowledgement"), _("acknowledgements")),
    "aggregator.agencycontract": (_("agency contract"), _("agency contracts")),
    "aggregator.alarm": (_("alarm"), _("alarms")),
    "aggregator.asset": (_("asset"), _("assets")),
    "aggregator.auditevent": (_("audit event"), _("audit events")),
    "aggregator.channel": (_("channel"), _("channels")),
    "aggregator.chargingsession": (_("charging session"), _("charging sessions")),
    "aggregator.commitment": (_("commitment of an asset"), _("commitments of assets")),
    "aggregator.dispatchplan": (_("dispatch plan"), _("dispatch plans")),
    "aggregator.enterprise": (_("enterprise"), _("enterprises")),
    "aggregator.feeder": (_("feeder"), _("feeders")),
    "aggregator.fleetrun": (_("fleet run"), _("fleet runs")),
    "aggregator.fleetshard": (_("shard of a fleet run"), _("shards of fleet runs")),
    "aggregator.forecastrun": (_("forecast run"), _("forecast runs")),
    "aggregator.forecastscore": (_("forecast score"), _("forecast scores")),
    "aggregator.gateway": (_("gateway"), _("gateways")),
    "aggregator.globalstop": (_("global stop"), _("global stops")),
    "aggregator.job": (_("job"), _("jobs")),
    "aggregator.membership": (_("membership"), _("memberships")),
    "aggregator.meteringpoint": (_("metering point"), _("metering points")),
    "aggregator.meterreading": (_("meter reading"), _("meter readings")),
    "aggregator.optimisationrun": (_("optimisation run"), _("optimisation runs")),
    "aggregator.forecaststate": (_("What a forecast has learned"), _("What forecasts have learned")),
    "aggregator.declaredobjective": (_("Declared objective"), _("Declared objectives")),
    "aggregator.paretoreport": (_("Pareto report"), _("Pareto reports")),
    "aggregator.park": (_("park"), _("parks")),
    "aggregator.portfolio": (_("portfolio"), _("portfolios")),
    "aggregator.portfoliomember": (_("member of a portfolio"), _("members of portfolios")),
    "aggregator.setpoint": (_("setpoint"), _("setpoints")),
    "aggregator.setpointdelivery": (_("delivery of setpoints"), _("deliveries of setpoints")),
    "aggregator.site": (_("site"), _("sites")),
    "aggregator.telemetryday": (_("day of telemetry"), _("days of telemetry")),
    "axes.accessattempt": (_("failed sign-in"), _("failed sign-ins")),
    "axes.accessfailurelog": (_("refused sign-in"), _("refused sign-ins")),
    "axes.accesslog": (_("sign-in"), _("sign-ins")),
    "market.award": (_("award"), _("awards")),
    "market.bid": (_("bid"), _("bids")),
    "market.deliveryattempt": (_("delivery attempt"), _("delivery attempts")),
    "market.dispatchinstruction": (_("dispatch instruction"), _("dispatch instructions")),
    "market.greenmatch": (_("green match"), _("green matches")),
    "market.greenmatchrun": (_("green matching run"), _("green matching runs")),
    "market.inboundmessage": (_("inbound message"), _("inbound messages")),
    "market.invitation": (_("invitation"), _("invitations")),
    "market.outboundmessage": (_("outbound message"), _("outbound messages")),
    "market.platform": (_("platform"), _("platforms")),
    "market.pricecurve": (_("price curve"), _("price curves")),
    "market.rulepack": (_("rule pack"), _("rule packs")),
    "market.settlementline": (_("settlement line"), _("settlement lines")),
    "market.settlementrun": (_("settlement run"), _("settlement runs")),
    "market.statement": (_("statement"), _("statements")),
    "market.statementline": (_("statement line"), _("statement lines")),
}


def name_records(apps: Iterable[AppConfig], models: Iterable[type[Model]]) -> None:
    """Once at the start. Migrations keep the names that the classes were written with."""
    for app in apps:
        app.verbose_name = APPS.get(app.label, app.verbose_name)  # type: ignore[assignment]
    for model in models:
        one, many = MODELS.get(model._meta.label_lower, ("", ""))
        if one:
            model._meta.verbose_name, model._meta.verbose_name_plural = one, many
