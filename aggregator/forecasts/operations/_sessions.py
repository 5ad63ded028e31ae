from datetime import datetime

from aggregator.forecasts.domain import Stay
from aggregator.telemetry.queries import SessionRow


def stays_of(rows: list[SessionRow], origin: datetime) -> tuple[Stay, ...]:
    """Sessions in hours from `origin`, by arrival."""
    out = []
    for row in rows:
        arrives = (row.plugged_in_at - origin).total_seconds() / 3600
        departs = None if row.plugged_out_at is None else (row.plugged_out_at - origin).total_seconds() / 3600
        if departs is None or departs > arrives:
            out.append(Stay(row.session_key, arrives, departs, row.energy_kwh, row.need_kwh))
    return tuple(sorted(out, key=lambda stay: (stay.arrives_at, stay.key)))
