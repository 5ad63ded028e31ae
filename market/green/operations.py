"""Match one park's day; the same readings give the same run."""

from datetime import date, datetime, timedelta

from django.db import transaction

from aggregator.enterprises.models import Park
from aggregator.enterprises.queries import park
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.fingerprint import fingerprint
from aggregator.support.arrays import MISSING_I8, pack_i8
from market.green.domain import match
from market.green.models import GreenLoad, GreenMatch, GreenMatchRun
from market.green.queries import park_energy


class NothingToMatch(Anticipated):
    code = "green.no_readings"
    text = "No site of the park has a reading of %(day)s: green energy cannot be matched."
    status = 409


def match_day(*, park_id: int, day: date, as_of: datetime) -> GreenMatchRun:
    """Match generation to load as the meters were known at `as_of`.

    Same inputs as the newest version: that run is returned and nothing is written. Raises NothingToMatch.
    """
    facts = park(park_id=park_id)
    energy = park_energy(park_id=park_id, day=day, resolution=timedelta(seconds=facts.resolution_s), as_of=as_of)
    if all((load == MISSING_I8).all() for load in energy.load_wh.values()):
        raise NothingToMatch(day=day.isoformat())
    inputs_hash = fingerprint([energy.generators, energy.consumers, energy.load_wh])
    allocations = match(generators=energy.generators, consumers=energy.consumers)
    with transaction.atomic():
        Park.objects.select_for_update().get(pk=park_id)  # one matching of a park at a time
        newest = GreenMatchRun.objects.filter(park_id=park_id, delivery_day=day).order_by("-version").first()
        if newest is not None and newest.inputs_hash == inputs_hash:
            return newest
        run = GreenMatchRun.objects.create(
            park_id=park_id,
            delivery_day=day,
            version=newest.version + 1 if newest else 1,
            as_of=as_of,
            resolution_s=facts.resolution_s,
            inputs_hash=inputs_hash,
        )
        GreenMatch.objects.bulk_create(
            GreenMatch(
                run=run,
                generation_point_id=energy.point_ids[allocation.point],
                consumer_id=energy.enterprise_ids[allocation.consumer] if allocation.consumer else None,
                path=allocation.path,
                wh=pack_i8(allocation.wh),
                total_wh=int(allocation.wh.sum()),
            )
            for allocation in allocations
        )
        GreenLoad.objects.bulk_create(
            GreenLoad(run=run, enterprise_id=energy.enterprise_ids[code], wh=pack_i8(load)) for code, load in sorted(energy.load_wh.items())
        )
    return run
