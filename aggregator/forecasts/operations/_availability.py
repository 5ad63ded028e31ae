"""What is said of a portfolio at one issue, worked out and not stored."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from aggregator.assets.domain import Envelope
from aggregator.assets.models import Portfolio
from aggregator.assets.queries import Member, members_on
from aggregator.forecasts.domain import MODEL_VERSION, AssetForecast, Frame, Quantiles, forecast_asset, forecast_portfolio
from aggregator.forecasts.operations._inputs import gather, inputs_hash
from aggregator.forecasts.operations._outlooks import outlooks_of
from aggregator.forecasts.operations._states import States
from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.kernel.periods import Grid, as_utc, day_of


class PortfolioEmpty(Anticipated):
    code = "forecasts.portfolio_empty"
    text = "The portfolio %(portfolio)s has no asset on %(day)s."


@dataclass(frozen=True)
class Availability:
    """Of every member, and of the portfolio: `whole` and its envelopes `levels`."""

    grid: Grid
    members: list[Member]
    forecasts: list[AssetForecast]
    whole: Quantiles
    levels: dict[str, Envelope]
    inputs_hash: str


def compute_availability(*, portfolio_id: int, issued_at: datetime, grid: Grid, states: States, kind: str | None = None) -> Availability:
    """On `grid`, with what was known at `issued_at`. Writes nothing but what it had to learn, into `states`.

    kind: only members of this kind, who are then the whole portfolio. Raises NotFound, PortfolioEmpty.
    """
    portfolio = Portfolio.objects.select_related("park").filter(pk=portfolio_id).first()
    if portfolio is None:
        raise NotFound(what="portfolio")
    tz = ZoneInfo(portfolio.park.time_zone)
    day = day_of(grid.starts_at, tz=tz)
    members = [member for member in members_on(portfolio_id=portfolio_id, day=day) if kind in (None, member.kind)]
    if not members:
        raise PortfolioEmpty(portfolio=portfolio.code, day=day.isoformat())
    frame = Frame(grid, as_utc(issued_at), tz=tz)
    inputs = gather(frame=frame, members=members)
    outlooks, own, learned = outlooks_of(portfolio=portfolio, frame=frame, inputs=inputs, states=states)
    forecasts = [
        forecast_asset(
            kind=item.member.kind,
            frame=frame,
            spec=item.member.spec,
            facts=item.facts,
            outlook=outlooks[item.member.asset_id],
            windows=item.windows,
            last_known_hours=item.last_known_hours,
        )
        for item in inputs
    ]
    whole, levels = forecast_portfolio(frame=frame, members=forecasts, own=own)
    known = inputs_hash(frame=frame, inputs=inputs, learned=learned, model_version=MODEL_VERSION)
    return Availability(grid, members, forecasts, whole, levels, known)
