"""What type checkers infer of deciders: the three functions have to agree on the state and on the events."""

from typing import Any, assert_type

from tests.aggregates.lending import Account, AccountEvent, Close, Open, Opened, Withdraw, account, decide, evolve
from twofold import Module, Outcome
from twofold.dispatch import Decider


def opened_only(state: Account, event: Opened) -> Account:
    """Knows one of the events that are decided."""
    return state


def test_a_decider_is_typed_by_its_functions() -> None:
    """Commands, state and events; so a test that calls it is checked too."""
    assert_type(account, Decider[Open | Withdraw | Close, Account, AccountEvent])
    assert_type(account.fold([Opened(account_id="a")]), Account)
    assert_type(account.decide(Open(account_id="a"), Account()), Outcome[AccountEvent, Any])


def test_an_event_that_is_decided_and_not_evolved_is_a_mistake() -> None:
    """Told by the type checker, not at run time."""
    Module("m").decider(initial=Account, decide=decide, evolve=opened_only, stream="s-{account_id}")  # type: ignore[misc]  # that is the test
    Module("n").decider(initial=int, decide=decide, evolve=evolve, stream="s-{account_id}")  # type: ignore[misc]  # that is the test
