"""What a schema cannot see: codes that must be unique, names that must lead somewhere, terms that overlap."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from aggregator.enterprises.domain import Term
from vpp.park_folder.naming import gateway_code, point_code
from vpp.park_folder.problems import Findings
from vpp.park_folder.schema import ENERGY_UNITS, NATURAL, POWER_UNITS, PRICE_UNITS, Asset, Enterprise, ParkFolder, Site
from vpp.park_folder.yaml_text import Location, YamlText


class References:
    """Checks one parsed park.yaml; every problem goes to `findings` with its line."""

    def __init__(self, *, park: ParkFolder, text: YamlText, findings: Findings) -> None:
        self._park, self._text, self._findings = park, text, findings

    def check(self) -> None:
        self._spans()
        self._unique_codes()
        self._contracts()
        self._feeders()
        self._least_calls()
        self._uses()
        self._market_series()
        self._scenario()

    def _problem(self, code: str, place: Location, text: str, /, **fields: object) -> None:
        self._findings.problem(code, self._text.path, self._text.line_of(place), text % fields)

    def _spans(self) -> None:
        park = self._park
        if park.replay.first <= park.history.last:
            self._problem("park.spans", ("replay",), _("replay must begin after history ends; the world of a day is no history of it"))
        if 3600 % park.resolution_s:
            self._problem("park.resolution", ("resolution_s",), _("%(seconds)s s does not divide an hour"), seconds=park.resolution_s)

    def _unique_codes(self) -> None:
        places: list[tuple[str, str, Location]] = []
        for e, enterprise in enumerate(self._park.enterprises):
            places.append(("enterprise", enterprise.code, ("enterprises", e, "code")))
            for s, site in enumerate(enterprise.sites):
                places.append(("place", site.code, ("enterprises", e, "sites", s, "code")))
                for a, asset in enumerate(site.assets):
                    places.append(("place", asset.code, ("enterprises", e, "sites", s, "assets", a, "code")))
            for c, contract in enumerate(enterprise.contracts):
                places.append(("contract", contract.number, ("enterprises", e, "contracts", c, "number")))
        seen: set[tuple[str, str]] = set()
        for group, code, place in places:
            if (group, code) in seen:
                self._problem(
                    "code.duplicate", place, _("%(code)s is used twice; codes of sites and assets are unique in the park"), code=code
                )
            seen.add((group, code))

    def _contracts(self) -> None:
        for e, enterprise in enumerate(self._park.enterprises):
            for c, contract in enumerate(enterprise.contracts):
                place = ("enterprises", e, "contracts", c)
                if contract.valid_to <= contract.valid_from:
                    self._problem("contract.dates", (*place, "valid_to"), _("the contract ends before it begins"))
                self._overlaps(enterprise, c, place)

    def _overlaps(self, enterprise: Enterprise, c: int, place: Location) -> None:
        contract = enterprise.contracts[c]
        for other in enterprise.contracts[:c]:
            if Term(contract.valid_from, contract.valid_to).overlaps(Term(other.valid_from, other.valid_to)):
                text = _("the contract %(number)s overlaps %(other)s of the same enterprise")
                self._problem("contract.overlap", (*place, "number"), text, number=contract.number, other=other.number)

    def _known(self, code: str, name: str, known: Iterable[str], place: Location) -> None:
        if name not in set(known):
            self._problem(code, place, _("there is no %(name)s; there are: %(known)s"), name=name, known=", ".join(sorted(known)) or "-")

    def _feeders(self) -> None:
        for e, enterprise in enumerate(self._park.enterprises):
            for s, site in enumerate(enterprise.sites):
                place = ("enterprises", e, "sites", s)
                self._nesting(site, place)
                for a, asset in enumerate(site.assets):
                    if asset.feeder is not None:
                        codes = [feeder.code for feeder in site.feeders]
                        self._known("feeder.unknown", asset.feeder, codes, (*place, "assets", a, "feeder"))

    def _nesting(self, site: Site, place: Location) -> None:
        """Outer feeders come first, so none can hang behind itself."""
        parents: dict[str, str | None] = {}
        for f, feeder in enumerate(site.feeders):
            at, fields = (*place, "feeders", f), {"feeder": feeder.code, "parent": feeder.parent}
            if feeder.code in parents:
                self._problem("feeder.duplicate", (*at, "code"), _("the site has two feeders %(feeder)s"), **fields)
            elif feeder.parent is not None and feeder.parent not in parents:
                text = _("%(parent)s is no feeder of this site that is listed before %(feeder)s")
                self._problem("feeder.unknown", (*at, "parent"), text, **fields)
            elif feeder.parent is not None and parents[feeder.parent] is not None:
                text = _("%(feeder)s would be the third level: %(parent)s hangs behind another feeder itself")
                self._problem("feeder.nesting", (*at, "parent"), text, **fields)
            parents.setdefault(feeder.code, feeder.parent)

    def _least_calls(self) -> None:
        total = 0.0
        for e, enterprise in enumerate(self._park.enterprises):
            for s, site in enumerate(enterprise.sites):
                total += site.least_call_ratio or 0.0
                if site.least_call_ratio and total > 1 + 1e-9:
                    text = _("the promised shares of all sites add up to %(total)s; together they can be 1 at most")
                    place = ("enterprises", e, "sites", s, "least_call_ratio")
                    self._problem("site.least_call", place, text, total=f"{total:.3f}")

    def _uses(self) -> None:
        for e, enterprise in enumerate(self._park.enterprises):
            for s, site in enumerate(enterprise.sites):
                for a, asset in enumerate(site.assets):
                    self._use(asset, ("enterprises", e, "sites", s, "assets", a))

    def _use(self, asset: Asset, place: Location) -> None:
        power, sessions = self._park.power_use(asset), self._park.sessions_use(asset)
        fields = {"code": asset.code, "kind": asset.kind}
        if asset.kind in NATURAL and power is None:
            self._problem("asset.no_series", place, _("%(code)s: a %(kind)s needs `power`"), **fields)
        if asset.kind == "ev_station" and sessions is None:
            self._problem("asset.no_series", place, _("%(code)s: a %(kind)s needs `sessions`"), **fields)
        if asset.power is not None and power is None:
            self._problem("asset.idle_series", (*place, "power"), _("%(code)s: a %(kind)s has no power series"), **fields)
        if power is not None:
            self._known("series.unknown", power.series, self._park.series, (*place, "power", "series"))
            self._known("unit.unknown", power.unit, {**POWER_UNITS, **ENERGY_UNITS}, (*place, "power", "unit"))
        if sessions is not None:
            self._known("series.unknown", sessions.sessions, self._park.sessions, (*place, "sessions", "sessions"))

    def _market_series(self) -> None:
        for market in ("day_ahead", "real_time"):
            use, place = getattr(self._park.prices, market), ("prices", market)
            self._known("series.unknown", use.series, self._park.series, (*place, "series"))
            self._known("unit.unknown", use.unit, PRICE_UNITS, (*place, "unit"))
        for k, weather in enumerate(self._park.weather):
            self._known("series.unknown", weather.series, self._park.series, ("weather", k, "series"))
            if weather.asset is not None:
                self._known("asset.unknown", weather.asset, [a.code for a in self._park.assets], ("weather", k, "asset"))

    def _scenario(self) -> None:
        park = self._park
        assets, gateways = [a.code for a in park.assets], [gateway_code(s.code) for s in park.sites]
        for k, fault in enumerate(park.twin.faults):
            of_gateway = fault.kind in ("offline", "lost_acknowledgements")
            self._known("fault.unknown", fault.on, gateways if of_gateway else assets, ("twin", "faults", k, "on"))
        if park.twin.correction is not None:
            points = [point_code(park.code, code) for code in (*[s.code for s in park.sites], *assets)]
            self._known("point.unknown", park.twin.correction.metering_point, points, ("twin", "correction", "metering_point"))
