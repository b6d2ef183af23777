"""An aggregate changes by its own events only, and the same way when it is rebuilt."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aggregates.counting import Account, Deposited, Opened
from twofold.aggregates import Aggregate, methods_of
from twofold.errors import WiringError
from twofold.messages import Event


@given(st.lists(st.integers(-5, 50)))
def test_rebuilding_gives_the_state_that_recording_gave(amounts: list[int]) -> None:
    """Whatever was decided, the events tell all of it."""
    account = Account.open(1, "ada")
    for amount in amounts:
        account.deposit(amount)
    rebuilt = Account.rebuild(account.recorded)
    assert isinstance(rebuilt, Account)
    assert (rebuilt.id, rebuilt.history) == (account.id, account.history)


def test_recording_evolves_and_remembers() -> None:
    """In order; the version counts what is in the log only."""
    account = Account.open(1, "ada")
    account.deposit(5)
    assert account.balance == 5
    assert list(account.recorded) == [Opened(id=1, owner="ada"), Deposited(amount=5)]
    assert account.version == 0


def test_rebuilding_records_nothing() -> None:
    """Its events are in the log already, and are counted."""
    rebuilt = Account.rebuild([Opened(id=1, owner="ada"), Deposited(amount=5)])
    assert rebuilt is not None
    assert (rebuilt.version, list(rebuilt.recorded)) == (2, [])
    assert Account.rebuild([]) is None


def test_a_refused_decision_changes_nothing() -> None:
    """No event, no state."""
    account = Account.open(1, "ada")
    assert account.deposit(0).is_failure
    assert (account.balance, len(account.recorded)) == (0, 1)


def test_two_aggregates_share_no_events() -> None:
    """The remembered ones belong to the instance."""
    one, two = Account.open(1, "ada"), Account.open(2, "bob")
    one.deposit(1)
    assert len(two.recorded) == 1


def test_streams_are_named_after_the_class_or_as_it_says() -> None:
    """Renaming the class does not move its events, when the name is fixed."""

    class OrderBook(Aggregate):
        pass

    class Renamed(Aggregate):
        stream_name = "order_book"

    assert OrderBook.stream_of(7) == Renamed.stream_of(7) == "order_book-7"
    assert OrderBook.stream_of(UUID(int=1)) == "order_book-00000000-0000-0000-0000-000000000001"


def test_an_aggregate_that_cannot_evolve_says_so() -> None:
    """At its first event."""

    class Idle(Aggregate):
        pass

    with pytest.raises(WiringError, match="Idle has no evolve"):
        Idle().record(Opened(id=1, owner="ada"))


@dataclass(frozen=True, kw_only=True)
class Withdrawn(Event):
    """Money went out."""

    amount: int


@dataclass(frozen=True, kw_only=True)
class Audited(Event):
    """Nothing changes by that."""


class Till(Aggregate):
    """Has a method for each event."""

    id: int
    balance = 0

    def opened(self, event: Opened) -> None:
        """The first."""
        self.id = event.id

    def changed(self, event: Deposited | Withdrawn) -> None:
        """Money goes in or out."""
        self.balance += event.amount if isinstance(event, Deposited) else -event.amount

    def mend(self, event: Deposited, by: int) -> None:
        """A decision about an event, which is none of those methods."""
        self.record(Withdrawn(amount=event.amount - by))


def test_a_method_for_each_event_does_what_evolve_would() -> None:
    """Found by the annotation of what it takes, when recording and when rebuilding; others change nothing."""
    till = Till()
    for event in (Opened(id=1, owner="ada"), Deposited(amount=9), Audited(), Withdrawn(amount=2)):
        till.record(event)
    till.mend(Deposited(amount=4), 3)
    rebuilt = Till.rebuild(till.recorded)
    assert rebuilt is not None
    assert (till.id, till.balance, len(till.recorded)) == (1, 6, 5)
    assert (rebuilt.id, rebuilt.balance, rebuilt.version) == (1, 6, 5)


def test_evolve_may_say_which_events_it_takes() -> None:
    """It is the one way all the same, and no method for one of them."""

    class Purse(Aggregate):
        balance = 0

        def evolve(self, event: Deposited) -> None:  # type: ignore[override]  # narrower than what it may be told
            self.balance += event.amount

    assert methods_of(Purse) == {}
    purse = Purse.rebuild([Deposited(amount=3)])
    assert purse is not None
    assert purse.balance == 3


def test_a_method_that_is_overridden_takes_the_place_of_the_other_one() -> None:
    """As methods do."""

    class Doubled(Till):
        def changed(self, event: Deposited | Withdrawn) -> None:
            super().changed(event)
            super().changed(event)

    till = Doubled()
    till.record(Deposited(amount=3))
    assert till.balance == 6
