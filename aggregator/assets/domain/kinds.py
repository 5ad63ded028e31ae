"""The registry: which file serves which kind. A new kind is one file and one line here."""

from dataclasses import dataclass
from types import ModuleType

from pydantic import ValidationError

from aggregator.assets.domain import air_conditioning, ev_station, generation, load, storage, two_way_charger
from aggregator.assets.domain._common import Spec
from aggregator.kernel.errors import Anticipated


@dataclass(frozen=True)
class Kind:
    name: str
    physics: ModuleType
    spec: type[Spec]
    setpoint_kind: str
    green: bool = False  # generates renewable energy
    owner_first: bool = False  # the owner's need goes before a setpoint (a car about to leave, a room at the edge of its comfort band)
    drifts: bool = False  # what it does now against its forecast goes on for a while


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("pv", generation, generation.PvSpec, generation.SETPOINT_KIND, green=True),
        Kind("wind", generation, generation.WindSpec, generation.SETPOINT_KIND, green=True),
        Kind("storage", storage, storage.StorageSpec, storage.SETPOINT_KIND),
        Kind("ev_station", ev_station, ev_station.EvStationSpec, ev_station.SETPOINT_KIND, owner_first=True),
        Kind("two_way_charger", two_way_charger, two_way_charger.TwoWayChargerSpec, two_way_charger.SETPOINT_KIND, owner_first=True),
        Kind(
            "air_conditioning",
            air_conditioning,
            air_conditioning.AirConditioningSpec,
            air_conditioning.SETPOINT_KIND,
            owner_first=True,
        ),
        Kind("load", load, load.LoadSpec, load.SETPOINT_KIND, drifts=True),
    )
}


class UnknownKind(Anticipated):
    code = "assets.unknown_kind"
    text = "There is no asset kind %(kind)s; known are: %(known)s."


class SpecRefused(Anticipated):
    code = "assets.spec_refused"
    text = "The parameters of this %(kind)s are not valid: %(why)s."


def kind_of(name: str) -> Kind:
    """Raises UnknownKind."""
    if name not in KINDS:
        raise UnknownKind(kind=name, known=", ".join(sorted(KINDS)))
    return KINDS[name]


def parse_spec(kind: str, data: dict) -> Spec:
    """Raises UnknownKind, SpecRefused."""
    try:
        return kind_of(kind).spec.model_validate(data)
    except ValidationError as problem:
        why = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'spec'}: {e['msg']}" for e in problem.errors())
        raise SpecRefused(kind=kind, why=why) from problem
