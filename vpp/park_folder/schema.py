"""What park.yaml may say. Units are in the names, unknown keys are refused. See docs/park-folder.md."""

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aggregator.assets.domain import KINDS, parse_spec
from aggregator.dispatch.domain import ProblemRefused
from aggregator.dispatch.domain.objective import DayObjective
from aggregator.enterprises.domain import ShareRuleRefused, operator_ratios
from aggregator.kernel.errors import Anticipated
from vpp.twin.scenario import Scenario

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]
Origin = Literal["measured", "assumed", "synthetic"]
POWER_UNITS = {"W": 0.001, "kW": 1.0, "MW": 1000.0}  # to kW
ENERGY_UNITS = {"Wh": 0.001, "kWh": 1.0, "MWh": 1000.0}  # per period, to kWh
PRICE_UNITS = {"CNY/MWh": 1.0, "CNY/kWh": 1000.0}  # to CNY/MWh


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Text(_Part):
    """A sentence for the screen, in both languages."""

    zh: str
    en: str


class Named(_Part):
    code: Slug
    name_zh: str = Field(max_length=120)
    name_en: str = Field(max_length=120)


class Known(_Part):
    """When values of a delivery day become known: local time `at`, `day` days after it (negative: before)."""

    day: int = Field(ge=-14, le=60)
    at: time


class Source(_Part):
    """One table, CSV or Parquet, in the park folder or under the data root."""

    file: str
    root: Literal["park", "data"] = "park"
    origin: Origin
    source: str = Field(description="where the figures come from, with licence where it has one")
    zone: str | None = Field(default=None, description="zone of times that carry none; such times are refused without it")
    where: dict[str, str | int] = Field(default_factory=dict, description="keep the rows where each column has this value")
    shift_weeks: int = Field(default=0, description="moved by whole weeks, so that the weekday is kept")
    shift_minutes: int = Field(default=0, description="added to every time, to mend a wrong or foreign clock")
    note: str = ""

    @property
    def shift(self) -> timedelta:
        return timedelta(weeks=self.shift_weeks, minutes=self.shift_minutes)


class SeriesSource(Source):
    """Values at regular times. `label` says which end of its interval a time names."""

    time: str
    label: Literal["start", "end"] = "start"
    resolution_s: int = Field(gt=0)
    coarser: Literal["refuse", "repeat"] = Field(default="refuse", description="values of longer periods than the park's")


class SessionsSource(Source):
    """Charging sessions, one a row. Either `plugged_out_at` or `duration_hours` names a column."""

    asset: str | None = Field(default=None, description="column that names the station, where one table serves several")
    session_key: str
    user_key: str | None = None
    plugged_in_at: str
    plugged_out_at: str | None = None
    duration_hours: str | None = None
    energy_kwh: str
    need_kwh: str | None = Field(default=None, description="what the driver asked for; else what was charged")

    @model_validator(mode="after")
    def _one_end(self) -> "SessionsSource":
        if (self.plugged_out_at is None) == (self.duration_hours is None):
            raise ValueError("give either plugged_out_at or duration_hours")
        return self


class PowerUse(_Part):
    """The natural power of an asset: what it would make or take without us."""

    series: str
    column: str | None = Field(default=None, description="the asset's code, unless said otherwise")
    unit: str = "kW"
    scale: float = Field(default=1.0, gt=0, description="the park's asset is this many times the one measured")
    positive_is: Literal["generation", "consumption"] | None = Field(default=None, description="what the kind does, unless said otherwise")
    below_zero: Literal["refuse", "zero", "missing"] = "refuse"


class SessionsUse(_Part):
    sessions: str


class LoadSynthesis(_Part):
    """How `make_park_history` makes a load: ratios are of `full_kw`."""

    full_kw: float = Field(gt=0)
    profile: Literal["one_shift", "two_shift", "three_shift", "office", "constant"]
    idle_ratio: float = Field(default=0.18, ge=0, le=1)
    batch_ratio: float = Field(default=0.0, ge=0, le=1)
    batch_hours: float = Field(default=1.5, gt=0)
    weather_ratio_per_k: float = Field(default=0.0, ge=0)


class ChargingSynthesis(_Part):
    """How `make_park_history` makes the cars of a station."""

    use: Literal["workplace", "visitor", "fleet", "truck"]


class CoolingSynthesis(_Part):
    """How `make_park_history` makes the heat that air conditioning has to take out, besides what the air outside brings."""

    profile: Literal["one_shift", "two_shift", "three_shift", "office", "constant"]
    gains_kw: float = Field(ge=0, description="heat of people and machines while the building is full")
    sun_kw: float = Field(default=0.0, ge=0, description="heat through windows and roof at 1000 W/m2")


class Certificate(_Part):
    """What a test has certified: so many kW above (up) or below (down) the baseline, from `issued_on` to `valid_until`, both included."""

    direction: Literal["up", "down"]
    kw: float = Field(gt=0)
    issued_on: date
    valid_until: date
    document: str = Field(max_length=200, description="number or title, by which it can be looked up")
    source: str = Field(max_length=200, description="who issued it; or that it is assumed or synthetic")

    @model_validator(mode="after")
    def _ordered(self) -> "Certificate":
        if self.valid_until < self.issued_on:
            raise ValueError("valid_until must not be before issued_on")
        return self


class Asset(Named):
    kind: str
    spec: dict[str, Any]
    origin: Origin = Field(description="of its parameters; the series says its own")
    feeder: Slug | None = Field(default=None, description="the innermost feeder of the same site on which it hangs")
    certificates: tuple[Certificate, ...] = ()
    power: PowerUse | None = None
    sessions: SessionsUse | None = None
    synthesis: LoadSynthesis | ChargingSynthesis | CoolingSynthesis | None = None

    @model_validator(mode="after")
    def _valid_spec(self) -> "Asset":
        try:
            parse_spec(self.kind, self.spec)
        except Anticipated as refused:
            raise ValueError(refused.text % refused.fields) from refused
        return self


class Feeder(_Part):
    """A feeder or transformer behind a connection: limits on the sum of what hangs on it. Two levels at most."""

    code: Slug
    import_limit_kw: float = Field(ge=0)
    export_limit_kw: float = Field(ge=0)
    parent: Slug | None = Field(default=None, description="the feeder around it, listed before it")


class Site(Named):
    import_limit_kw: float = Field(ge=0)
    export_limit_kw: float = Field(ge=0)
    export_share_ratio: float | None = Field(default=None, ge=0, le=1, description="of the day's own generation; 0 = no export")
    least_call_ratio: float | None = Field(default=None, ge=0, le=1, description="promised share of every instruction")
    tariff_class: str
    feeders: tuple[Feeder, ...] = ()
    assets: tuple[Asset, ...] = Field(min_length=1)


class ShareRule(_Part):
    kind: Literal["fixed_share"]
    operator_ratio: dict[str, Decimal]

    @model_validator(mode="after")
    def _ratios(self) -> "ShareRule":
        try:
            operator_ratios(self.model_dump())
        except ShareRuleRefused as refused:
            raise ValueError(refused.text % refused.fields) from refused
        return self


class ContractCurve(_Part):
    """How the medium- and long-term contract curve is declared.

    `typical_day`: mean of the last `days` days of the same type at the grid connection, as known at the
    start of the day before delivery, in whole steps of `round_kw`.
    """

    method: Literal["typical_day"]
    days: int = Field(default=4, gt=0)
    round_kw: float = Field(default=10, gt=0)


class Contract(_Part):
    """Terms for [valid_from, valid_to)."""

    number: str = Field(max_length=60)
    valid_from: date
    valid_to: date
    share_rule: ShareRule
    contract_curve: ContractCurve


class Enterprise(Named):
    contracts: tuple[Contract, ...] = Field(min_length=1)
    sites: tuple[Site, ...] = Field(min_length=1)


class Objective(_Part):
    """What the portfolio's days are planned for besides money; an emission factor comes with who says so."""

    carbon_price_cny_per_kg: float = Field(default=0.0, ge=0)
    grid_kg_per_kwh: float | None = Field(default=None, gt=0)
    factor_source: str = Field(default="", max_length=200)
    self_consumption_cny_per_mwh: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _usable(self) -> "Objective":
        try:
            DayObjective(**self.model_dump())
        except ProblemRefused as refused:
            raise ValueError(refused.sentence()) from refused
        return self


class Portfolio(Named):
    """All assets of the park for [valid_from, valid_to), offered as one."""

    valid_from: date
    valid_to: date | None = None
    split_rule: Literal["cost", "pro_rata", "rotation", "floor"] = Field(default="cost", description="how instructions are shared out")
    certificates: tuple[Certificate, ...] = Field(default=(), description="of all assets together")
    objective: Objective | None = None


class PriceUse(_Part):
    series: str
    column: str
    unit: str = "CNY/MWh"
    known: Known


class Prices(_Part):
    day_ahead: PriceUse
    real_time: PriceUse


class WeatherUse(_Part):
    """Forecast weather, of the park or of one asset; columns in the units of the names on the left."""

    series: str
    asset: str | None = None
    ghi_w_per_m2: str | None = None
    direct_w_per_m2: str | None = None
    temperature_c: str | None = None
    wind_m_per_s: str | None = None
    wind_100m_m_per_s: str | None = None
    known: Known

    @property
    def columns(self) -> dict[str, str]:
        """{product's name: the table's column}."""
        names = ("ghi_w_per_m2", "direct_w_per_m2", "temperature_c", "wind_m_per_s", "wind_100m_m_per_s")
        return {name: column for name in names if (column := getattr(self, name)) is not None}


class Span(_Part):
    """Local days, both included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")

    @model_validator(mode="after")
    def _ordered(self) -> "Span":
        if self.last < self.first:
            raise ValueError("to must not be before from")
        return self


class Defaults(_Part):
    """Series that serve every asset without a word of its own."""

    power: str | None = None
    sessions: str | None = None


class ParkFolder(Named):
    """The whole of park.yaml."""

    province: str
    time_zone: Literal["Asia/Shanghai"] = "Asia/Shanghai"
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    resolution_s: int = Field(default=900, gt=0)
    synthetic: bool
    notes: tuple[Text, ...]
    rule_pack: str
    history: Span
    replay: Span
    telemetry_known: Known = Known(day=1, at=time(0, 15))
    readings_known: Known = Known(day=1, at=time(2, 0))
    series: dict[str, SeriesSource] = Field(default_factory=dict)
    sessions: dict[str, SessionsSource] = Field(default_factory=dict)
    defaults: Defaults = Defaults()
    prices: Prices
    weather: tuple[WeatherUse, ...] = ()
    platform: Named
    portfolio: Portfolio
    enterprises: tuple[Enterprise, ...] = Field(min_length=1)
    twin: Scenario = Scenario()

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(site for enterprise in self.enterprises for site in enterprise.sites)

    @property
    def assets(self) -> tuple[Asset, ...]:
        return tuple(asset for site in self.sites for asset in site.assets)

    def power_use(self, asset: Asset) -> PowerUse | None:
        """The series of a generator, load or air conditioning; None for kinds that have no natural power."""
        if asset.kind not in NATURAL:
            return None
        if asset.power is None and self.defaults.power is not None:
            return PowerUse(series=self.defaults.power)
        return asset.power

    def sessions_use(self, asset: Asset) -> SessionsUse | None:
        """The sessions of a charging station; None for other kinds."""
        if asset.kind != "ev_station":
            return None
        if asset.sessions is None and self.defaults.sessions is not None:
            return SessionsUse(sessions=self.defaults.sessions)
        return asset.sessions


# Kinds whose activity a series gives, and what is positive there by nature.
NATURAL: dict[str, str] = {kind.name: "generation" for kind in KINDS.values() if kind.green} | {
    "load": "consumption",
    "air_conditioning": "consumption",
}
