"""The metadata of a message: who, what caused it, when."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from twofold.clock import new_id
from twofold.errors import WiringError
from twofold.messages import (
    NOWHERE,
    Context,
    Origin,
    Principal,
    current_context,
    enter_origin,
    entered,
    leave_origin,
)

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class StoppedClock:
    """A clock that stands still, and counts who looks."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> datetime:
        """Noon."""
        self.looks += 1
        return NOON

    def monotonic(self) -> float:
        """Nothing passes."""
        return 0.0


def test_id_and_time_are_made_once_when_they_are_asked_for() -> None:
    """Most messages never need them, and who asks twice gets the same."""
    clock, ids = StoppedClock(), list[UUID]()

    def make() -> UUID:
        ids.append(new_id())
        return ids[-1]

    context = Context(clock=clock, ids=make)
    assert (clock.looks, ids) == (0, [])
    assert context.message_id == context.message_id == ids[0]
    assert context.time == context.time == NOON
    assert (clock.looks, len(ids)) == (1, 1)


def test_the_first_message_correlates_with_itself() -> None:
    """Nothing caused it."""
    context = Context()
    assert context.correlation_id == str(context.message_id)
    assert context.causation_id is None


def test_a_chain_of_messages_shares_one_correlation_and_links_its_causes() -> None:
    """From any event one finds the way back to the request."""
    first = Context()
    second = Context(parent=first)
    third = Context(parent=second)
    assert first.correlation_id == second.correlation_id == third.correlation_id
    assert (second.causation_id, third.causation_id) == (str(first.message_id), str(second.message_id))


def test_an_origin_brings_what_came_from_elsewhere() -> None:
    """A broker or a header knows the correlation and the cause already."""
    context = Context(
        Origin(correlation_id="c", causation_id="k", user_id="u", tenant="t", trace={"traceparent": "00"})
    )
    assert (context.correlation_id, context.causation_id, context.user_id, context.tenant) == ("c", "k", "u", "t")
    assert context.trace == {"traceparent": "00"}


def test_who_is_asking_is_passed_on() -> None:
    """A command that a handler sends is sent for the same user and tenant."""
    principal = Principal(user_id="ada", tenant="acme", roles=frozenset({"admin"}))
    child = Context(parent=Context(parent=Context(Origin(principal=principal, trace={"traceparent": "00"}))))
    assert (child.user_id, child.tenant, child.principal, child.trace) == (
        "ada",
        "acme",
        principal,
        {"traceparent": "00"},
    )


def test_an_origin_of_its_own_is_kept_below_a_parent() -> None:
    """Who sends for somebody else says so, and stays in the same story."""
    parent = Context(Origin(user_id="ada"))
    child = Context(Origin(user_id="bob"), parent)
    assert (child.user_id, child.correlation_id) == ("bob", parent.correlation_id)


def test_a_door_speaks_for_what_nobody_has_sent() -> None:
    """Where no origin is said, that of the task counts outside of any message; nowhere is what it says."""
    ada, bob = Origin(user_id="ada"), Context(Origin(user_id="bob"))
    token = enter_origin(ada)
    try:
        assert Context(None).origin is ada
        assert Context().origin is Context(NOWHERE).origin is NOWHERE
        assert [one.user_id for one in (Context(None, bob), Context(NOWHERE, bob))] == ["bob", "bob"]
    finally:
        leave_origin(token)


def test_a_principal_wins_over_a_mere_claim() -> None:
    """What a door has authenticated is not overruled by a field."""
    context = Context(Origin(user_id="eve", tenant="evil", principal=Principal(user_id="ada", tenant="acme")))
    assert (context.user_id, context.tenant) == ("ada", "acme")


def test_headers_hold_what_is_known_and_nothing_else() -> None:
    """They stand beside every event in the log."""
    context = Context(Origin(user_id="ada", trace={"traceparent": "00"}))
    assert context.headers() == {
        "causation_id": str(context.message_id),
        "correlation_id": str(context.message_id),
        "user_id": "ada",
        "traceparent": "00",
    }


async def test_the_current_context_belongs_to_the_task() -> None:
    """Two requests at once do not see each other's."""

    async def request(name: str) -> str | None:
        with entered(Context(Origin(user_id=name))):
            await asyncio.sleep(0)
            context = current_context()
            return context.user_id if context else None

    seen = await asyncio.gather(request("ada"), request("bob"))
    assert list(seen) == ["ada", "bob"]
    assert current_context() is None


def test_the_block_is_left_even_by_an_error() -> None:
    """The next message does not inherit from one that crashed."""
    with pytest.raises(KeyError), entered(Context()):
        raise KeyError
    assert current_context() is None


@pytest.mark.parametrize("blank", ["", " ", "\t\n", None])
def test_nobody_is_no_principal(blank: Any) -> None:
    """A header or variable that was never set lets nobody be somebody."""
    with pytest.raises(WiringError, match="a Principal without a user id is nobody"):
        Principal(user_id=blank, roles=frozenset({"owner"}))


@pytest.mark.parametrize("roles", ["not-an-administrator", b"admin", None, 5, {"admin": True}])
def test_roles_that_are_no_collection_are_refused(roles: Any) -> None:
    """A claim of a token that is a text has every role that is a part of it."""
    with pytest.raises(WiringError, match="the roles of a Principal"):
        Principal(user_id="ada", roles=roles)


def test_a_role_that_is_no_text_is_refused() -> None:
    """Whether it can be in a set or not."""
    roles: Any = [["admin"]]
    with pytest.raises(WiringError, match="a role of a Principal is no str"):
        Principal(user_id="ada", roles=roles)


def test_roles_of_a_list_are_roles() -> None:
    """As they stand in a token."""
    roles: Any = ["admin", "clerk"]
    assert Principal(user_id="ada", roles=roles) == Principal(user_id="ada", roles=frozenset({"admin", "clerk"}))


def test_a_user_id_that_is_no_text_is_refused() -> None:
    """It would be written as one thing and compared as another."""
    number: Any = 3
    with pytest.raises(WiringError, match="the user id of a Principal is of type int"):
        Principal(user_id=number)


def test_it_shows_its_ids_only() -> None:
    """A log line may hold it."""
    context = Context(Origin(user_id="ada", correlation_id="c"))
    assert repr(context) == f"Context(message_id='{context.message_id}', correlation_id='c')"
