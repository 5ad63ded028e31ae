"""What a portfolio's day is planned for."""

from datetime import date

from aggregator.dispatch.domain.objective import DayObjective
from aggregator.dispatch.models import DeclaredObjective


def objective_on(*, portfolio_id: int, day: date) -> DayObjective:
    """As declared for that day; money alone where nothing is."""
    row = DeclaredObjective.objects.filter(portfolio_id=portfolio_id, valid_from__lte=day).order_by("-valid_from").first()
    if row is None:
        return DayObjective()
    return DayObjective(
        carbon_price_cny_per_kg=row.carbon_price_cny_per_kg,
        grid_kg_per_kwh=row.grid_kg_per_kwh,
        factor_source=row.factor_source,
        self_consumption_cny_per_mwh=row.self_consumption_cny_per_mwh,
    )
