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
class TracePlan:
    public_id: UUID
    purpose: str
    reference: str
    sequence: int
    issued_at: datetime
    solver_status: str
    planned_shortfall_kwh: float


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
    """Setpoints in force added up per asset: planned and telemetry injection [kWh] over the checked periods."""

    asset: UUID
    asset_code: str
    kind: str
    site_code: str
    enterprise_code: str
    setpoints: int
    acknowledged: int
    followed: int
    contradicted: int
    unverified: int
    pending: int
    planned_kwh: float | None
    telemetry_kwh: float | None


@dataclass(frozen=True)
class TraceSite:
    """Connection meters [kWh]. realised and delivered are None / 0 where a reading or baseline is missing."""

    site: UUID
    site_code: str
    enterprise_code: str
    contract: str
    planned_kwh: Decimal
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
    """One equality with both sides. `name` is a code; both texts are on the page that shows it."""

    name: str
    left: Decimal
    right: Decimal
    unit: str

    @property
    def holds(self) -> bool:
        return self.left == self.right


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
