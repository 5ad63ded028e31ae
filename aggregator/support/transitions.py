"""Persist a state machine's move: compare and set, so that two workers cannot both win."""

from typing import Any

from django.db import models

from aggregator.kernel.lifecycle import Lifecycle, TransitionRefused


def compare_and_set(row: models.Model, lifecycle: Lifecycle, wanted: str, *, field: str = "state", **changes: Any) -> None:
    """Move `row` to `wanted` and write `changes`, only from a state that allows it.

    Raises TransitionRefused where the row is (by now) somewhere else.
    """
    manager = type(row)._default_manager
    moved = manager.filter(pk=row.pk, **{f"{field}__in": lifecycle.sources(wanted)}).update(**{field: wanted}, **changes)
    if not moved:
        current = manager.values_list(field, flat=True).get(pk=row.pk)
        raise TransitionRefused(what=lifecycle.name, current=current, wanted=wanted)
    for name, value in {field: wanted, **changes}.items():
        setattr(row, name, value)
