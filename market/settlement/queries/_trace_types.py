"""The trace of one award, as plain frozen facts. Words: `delivered` is metered and settles money;
`telemetry` is operational and only says whether a setpoint was followed."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True)
class TraceAward:
    public_id: UUID
    reference: str
    product: str
    delivery_day: date
    available_at: datetime
    energy_kwh: Decimal | None  # the portfolio's; None where only own sites are shown


@dataclass(frozen=True)
class TraceBid:
    public_id: UUID
    state: str
    computed_at: datetime
    gate_closes_at: datetime
    steps: int


@dataclass(frozen=True)
class TraceInstruction:
    public_id: UUID
    reference: str
    state: str
    state_reason: str
    issued_at: datetime
    received_at: datetime
    starts_at: datetime
    ends_at: datetime
    injection_change_kw: float | None


@dataclass(frozen=True)
class TraceViolation:
    """What the independent check found: `subject` passes `limit` in the period from `starts_at` `by` kW, kWh or periods."""

    subject: str
    limit: str
    starts_at: datetime
    by: float


@dataclass(frozen=True)
class TracePlan:
    """`withheld`: the independent check refused the plan, so nothing of it was ever sent."""

    public_id: UUID
    purpose: str
    reference: str
    sequence: int
    issued_at: datetime
    solver_status: str
    planned_shortfall_kwh: float
    withheld: bool
    violations: tuple[TraceViolation, ...]


@dataclass(frozen=True)
class TraceTarget:
    """One period of an order and the plan in force there; injections [kWh], the rest >= 0 in the order's direction.

    target = baseline + ordered (up) or baseline - ordered (down); target = planned + shortfall - surplus (up).
    planned = sites = with_setpoint + without_setpoint: members that were told something, and those left to their forecast.
    """

    instruction: UUID
    starts_at: datetime
    plan: UUID
    plan_sequence: int
    baseline_kwh: Decimal
    ordered_kwh: Decimal
    target_kwh: Decimal
    planned_kwh: Decimal
    planned_shortfall_kwh: Decimal
    planned_surplus_kwh: Decimal
    sites_kwh: Decimal
    with_setpoint_kwh: Decimal
    without_setpoint_kwh: Decimal
    tolerance_kwh: Decimal


@dataclass(frozen=True)
class TraceAcknowledgement:
    state: str
    reason: str
    at: datetime
    received_at: datetime


@dataclass(frozen=True)
class TraceSetpoint:
    """`state` is what the controller claims, `outcome` what telemetry shows."""

    public_id: UUID
    plan: UUID
    plan_sequence: int
    asset: UUID
    asset_code: str
    site_code: str
    enterprise_code: str
    kind: str
    starts_at: datetime
    ends_at: datetime
    value_kw: float
    planned_kw: float | None
    fallback_kw: float
    reason: str
    state: str
    acknowledge_by: datetime
    acknowledgements: tuple[TraceAcknowledgement, ...]
    outcome: str
    measured_kw: float | None
    tolerance_kw: float | None
    checked_at: datetime | None


@dataclass(frozen=True)
class TraceAsset:
    """Setpoints in force added up per asset: planned and telemetry injection [kWh] over the checked periods.

    What an asset delivered of the order is not known: no baseline is agreed per asset. Telemetry only shows what it did.
    `owner_need`: not followed because the owner's need goes first (cars); never counted as `contradicted`.
    """

    asset: UUID
    asset_code: str
    kind: str
    site_code: str
    enterprise_code: str
    setpoints: int
    acknowledged: int
    followed: int
    contradicted: int
    owner_need: int
    unverified: int
    pending: int
    planned_kwh: float | None
    telemetry_kwh: float | None


@dataclass(frozen=True)
class TraceSite:
    """Connection meters [kWh]. realised and delivered are None / 0 where a reading or baseline is missing.

    planned: injection that the plans in force expected of the site in the ordered periods; planned_toward_order: that
    minus the site's baseline, in the order's direction, so it may be negative, and its sum over the sites is
    ordered - planned shortfall + planned surplus. asked: what the *first* plan asked, never below zero in a period:
    by this penalties are split, and it adds up to nothing else.
    """

    site: UUID
    site_code: str
    enterprise_code: str
    contract: str
    planned_kwh: Decimal | None
    planned_toward_order_kwh: Decimal | None
    asked_kwh: Decimal
    realised_kwh: Decimal | None
    delivered_kwh: Decimal
    credited_kwh: Decimal
    penalised_kwh: Decimal


@dataclass(frozen=True)
class TracePeriod:
    """None = not verified: a reading or a baseline is missing."""

    starts_at: datetime
    ordered_kwh: Decimal
    realised_kwh: Decimal | None
    delivered_kwh: Decimal | None
    shortfall_kwh: Decimal | None
    credited_kwh: Decimal
    penalised_kwh: Decimal


@dataclass(frozen=True)
class TraceMoney:
    """One settlement line; contract "" is the operator's own account."""

    contract: str
    enterprise_code: str
    component: str
    quantity_kwh: Decimal
    amount_cny: Decimal
    gross_fen: int
    enterprise_fen: int
    operator_fen: int


@dataclass(frozen=True)
class TraceRun:
    public_id: UUID
    version: int
    state: str
    as_of: datetime
    market_total_fen: int
    enterprises_total_fen: int
    operator_total_fen: int


@dataclass(frozen=True)
class Check:
    """One equality with both sides. `name` is a code; both texts are on the page that shows it.

    Exact, unless it concerns plans: their arrays are rounded (_trace_plans.py), so each period may differ by its
    `tolerance`; both here are those of the worst period, while left and right are sums.
    """

    name: str
    left: Decimal
    right: Decimal
    unit: str
    tolerance: Decimal = Decimal(0)
    worst: Decimal | None = None  # largest difference in one period; None: the difference of the sums

    @property
    def holds(self) -> bool:
        return abs(self.left - self.right if self.worst is None else self.worst) <= self.tolerance


@dataclass(frozen=True)
class TraceTotals:
    """Energies over verified periods, ordered = delivered + shortfall; fen of the award's own components."""

    ordered_kwh: Decimal | None
    delivered_kwh: Decimal | None
    shortfall_kwh: Decimal | None
    unverified_periods: int
    gross_fen: int
    enterprises_fen: int
    operator_fen: int


@dataclass(frozen=True)
class Trace:
    """`scope` is `portfolio` for staff, `enterprise` where only own sites are shown (portfolio facts are None).

    `run` is None while the day is not settled; then sites, periods and money are empty.
    """

    scope: str
    award: TraceAward
    bid: TraceBid | None
    instructions: tuple[TraceInstruction, ...]
    plans: tuple[TracePlan, ...]
    targets: tuple[TraceTarget, ...]
    setpoints: tuple[TraceSetpoint, ...]
    assets: tuple[TraceAsset, ...]
    run: TraceRun | None
    sites: tuple[TraceSite, ...]
    periods: tuple[TracePeriod, ...]
    money: tuple[TraceMoney, ...]
    totals: TraceTotals
    checks: tuple[Check, ...]

    @property
    def reconciles(self) -> bool:
        return all(check.holds for check in self.checks)
