"""Each asset kind once: spec, state transition, limits, envelope and planning device."""

from aggregator.assets.domain._common import (
    Calls,
    Command,
    Device,
    Drive,
    Envelope,
    Reserve,
    Session,
    Spec,
    SpecColumns,
    Stay,
    Store,
    idle_envelope,
    within_reach,
)
from aggregator.assets.domain.certificate import Certificate
from aggregator.assets.domain.kinds import KINDS, Kind, SpecRefused, UnknownKind, kind_of, parse_spec

__all__ = [
    "KINDS",
    "Calls",
    "Certificate",
    "Command",
    "Device",
    "Drive",
    "Envelope",
    "Kind",
    "Reserve",
    "Session",
    "Spec",
    "SpecColumns",
    "SpecRefused",
    "Stay",
    "Store",
    "UnknownKind",
    "idle_envelope",
    "kind_of",
    "parse_spec",
    "within_reach",
]
