"""Events of then beside those of now: what counts as the same, and what does not."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from twofold.app.replay._changes import FieldChange, changes
from twofold.clock import new_id
from twofold.store import Recorded

SINCE = datetime.now(UTC) - timedelta(seconds=1)
OLD = [UUID(int=(1700000000000 + number) << 80 | 7 << 76 | 2 << 62 | number) for number in range(4)]


def event(data: Any, *, kind: str = "paid", stream: str = "s", tags: tuple[str, ...] = ()) -> Recorded:
    """An event with some data."""
    return Recorded(3, stream, 1, new_id(), kind, 1, json.dumps(data).encode(), {}, SINCE, tags)


def differing(then: list[Recorded], now: list[Recorded]) -> list[str]:
    """The fields that are not the same."""
    return [field.path for one in changes(then, now, SINCE) for field in one.fields]


def test_an_id_that_was_made_anew_stands_for_the_one_of_then() -> None:
    """Wherever the two are: in a field, in a text, in the name of a stream."""
    old, new = OLD[0], new_id()
    then = [event({"id": str(old)}, stream=f"order-{old}"), event({"lines": [{"text": f"of {old}!"}]})]
    now = [event({"id": str(new)}, stream=f"order-{new}"), event({"lines": [{"text": f"of {new}!"}]})]
    assert [one.state for one in changes(then, now, SINCE)] == ["same", "same"]


def test_no_other_id_is_taken_for_one_that_was_made_anew() -> None:
    """One that was there before, one that stands for two, and two that stand for one."""
    new, other = str(new_id()), str(new_id())
    a, b = str(OLD[0]), str(OLD[1])
    assert differing([event({"id": a})], [event({"id": b})]) == ["id"]
    assert differing([event({"id": a, "to": b})], [event({"id": new, "to": new})]) == ["to"]
    assert differing([event({"id": a, "to": a})], [event({"id": new, "to": other})]) == ["to"]
    assert differing([event({"id": a})], [event({"id": f"{new} "})]) == ["id"]
    assert differing([event({"id": a})], [event({"id": 5})]) == ["id"]


def test_events_are_set_side_by_side_by_their_types() -> None:
    """What is between is extra or missing, and is shown whole, but for what tells by its name that it is secret."""
    then = [event({}, kind="a"), event({"api_key": "x", "n": 1}, kind="b"), event({}, kind="c")]
    now = [event({}, kind="a"), event({}, kind="c"), event({"pin": [1]}, kind="d")]
    found = changes(then, now, SINCE)
    assert [(one.state, one.type, one.position) for one in found] == [
        ("same", "a", 3),
        ("missing", "b", 3),
        ("same", "c", 3),
        ("extra", "d", 0),
    ]
    assert [found[1].data, found[3].data] == [{"api_key": "***", "n": 1}, {"pin": "***"}]


def test_every_field_that_differs_is_told_without_its_secret() -> None:
    """Nested, longer, of another type; a secret only as such."""
    then = event({"a": {"b": [1, 2], "password": {"old": "x"}}, "n": 1, "gone": "x", "none": None}, tags=("t:1",))
    now = event({"a": {"b": [1, 3, 4], "password": {"old": "y"}}, "n": True}, tags=("t:2",))
    (found,) = changes([then], [now], SINCE)
    assert found.state == "changed"
    assert found.fields == (
        FieldChange(path=":tags.0", then="t:1", now="t:2"),
        FieldChange(path="a.b.1", then=2, now=3),
        FieldChange(path="a.b.2", then=None, now=4),
        FieldChange(path="a.password.old", then="***", now="***"),
        FieldChange(path="n", then=1, now=True),
        FieldChange(path="gone", then="x", now=None),
    )
