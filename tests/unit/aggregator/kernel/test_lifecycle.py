import pytest

from aggregator.kernel.lifecycle import Lifecycle, TransitionRefused

DOOR = Lifecycle("door", {"open": ("closed",), "closed": ("open", "locked"), "locked": ("closed",)})


def test_sources_are_the_states_that_lead_there():
    assert DOOR.sources("closed") == ("open", "locked")
    assert DOOR.sources("locked") == ("closed",)


def test_a_move_that_is_not_listed_is_refused_by_name():
    DOOR.check("open", "closed")
    with pytest.raises(TransitionRefused) as refused:
        DOOR.check("open", "locked")
    assert refused.value.fields == {"what": "door", "current": "open", "wanted": "locked"}
