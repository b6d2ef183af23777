"""Deciders: three pure functions are the handlers of commands, with a stream for a state."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aggregates.lending import (
    Account,
    Close,
    Open,
    Opened,
    Plunder,
    Withdraw,
    account,
    decide,
    evolve,
    lending,
)
from twofold import App, Command, Event, Exists, Failure, Module, NotFound, Outcome, Refused, Success
from twofold.errors import WiringError

pytestmark = pytest.mark.anyio


async def history(app: App, stream: str = "account-ada") -> list[str]:
    """The types in a stream."""
    return [recorded.type for recorded in await app.store.log.read_stream(stream)]


async def test_what_is_decided_is_appended_to_its_stream(address: str) -> None:
    """One event, several in order, a refusal that leaves nothing, and nothing to do; all of them typed."""
    async with App("bank", modules=[lending], database=address) as app:
        assert isinstance((await app.execute(Withdraw(account_id="ada", amount=1))).error, NotFound)
        assert await app.execute(Open(account_id="ada")) == Success(0)
        assert isinstance((await app.execute(Open(account_id="ada"))).error, Exists)
        assert await app.execute(Withdraw(account_id="ada", amount=60)) == Success(60)
        assert await app.execute(Withdraw(account_id="ada", amount=40)) == Success(100)
        refused = await app.execute(Withdraw(account_id="ada", amount=1))
        assert str(refused.error) == "it lends 100 at most"
        for _ in range(2):
            assert await app.execute(Close(account_id="ada")) == Success(100)
        assert await history(app) == ["opened", "withdrawn", "withdrawn", "limit_reached", "closed"]


async def test_at_once_each_decides_on_what_the_others_left(address: str) -> None:
    """No more is lent than there is, and no conflict is told."""
    async with App("bank", modules=[lending], database=address) as app:
        await app.execute(Open(account_id="ada"))
        told = await asyncio.gather(*(app.execute(Withdraw(account_id="ada", amount=30)) for _ in range(8)))
        assert sorted(result.value for result in told if result.is_success) == [30, 60, 90]
        assert {type(result.error) for result in told if result.is_failure} == {Refused}
        assert (await history(app)).count("withdrawn") == 3


async def test_commands_of_one_unit_share_the_state() -> None:
    """What is sent in a handler decides on what was decided before it, and is undone alone when it is refused."""
    async with App("bank", modules=[lending], database="memory:") as app:
        await app.execute(Open(account_id="ada"))
        assert await app.execute(Plunder(account_id="ada", amounts=(70, 50, 20))) == Success([70, 90])
        assert await history(app) == ["opened", "withdrawn", "withdrawn"]


@given(st.lists(st.integers(min_value=0, max_value=150)))
def test_the_functions_need_nothing_to_be_tested(amounts: list[int]) -> None:
    """Whatever is asked for, no history that was decided lends too much."""
    events: list[Any] = [Opened(account_id="ada")]
    for amount in amounts:
        outcome = account.decide(Withdraw(account_id="ada", amount=amount), account.fold(events))
        events += () if isinstance(outcome, Failure) else outcome
    assert account.fold(events).lent <= 100
    assert account.stream_of(Close(account_id="ada")) == "account-ada"


@dataclass(frozen=True, kw_only=True)
class Ping(Command[None]):
    n: int


@dataclass(frozen=True, kw_only=True)
class Pinged(Event):
    n: int


def ping(command: Ping, state: int) -> Outcome[Pinged]:
    return [Pinged(n=command.n)]


def asking() -> Callable[..., Any]:
    """A decision of a command that promises an answer."""

    @dataclass(frozen=True, kw_only=True)
    class Ask(Command[int]):
        n: int

    def ask(command: Ask, state: int) -> Outcome[Pinged]:
        return []

    return ask


def untyped(command, state):  # type: ignore[no-untyped-def]  # the mistake
    return None


async def late(command: Ping, state: int) -> Outcome[Pinged]:
    return []


def add(state: int, event: Pinged) -> int:
    return state + event.n


def of(decide: Callable[..., Any], *, stream: Any = "ping-{n}") -> Module:
    """A module with a decider."""
    module = Module("pings")
    module.decider(initial=int, decide=decide, evolve=add, stream=stream)
    return module


@pytest.mark.parametrize(
    "module, told",
    [
        (of(untyped), "has a parameter 'command' whose annotation names no classes"),
        (of(late), "has late as an async def, which nobody awaits"),
        (of(asking()), "answers nothing (None), and asking.<locals>.Ask promises int"),
        (of(ping, stream="ping-{m}"), "has the stream 'ping-{m}', and Ping has no field m"),
        (of(ping, stream="ping"), "keeps all in one stream, 'ping'"),
    ],
)
def test_what_is_no_decider_keeps_the_application_from_starting(module: Module, told: str) -> None:
    """By one fault, which names the function: that its command has no handler is no other one."""
    faults = App("pings", modules=[module], database="memory:").check()
    assert [told in fault.text for fault in faults if fault.where.startswith(f"{__name__}.")] == [True]
    assert not [fault for fault in faults if fault.where == ("Ask" if "Ask" in told else "Ping")]


async def test_a_second_handler_of_its_command_is_refused() -> None:
    """A decider is a handler like any other."""
    module = of(ping)
    module.register(Ping, lambda command: None)
    (fault,) = App("pings", modules=[module], database="memory:").check()
    assert fault.text == f"is handled by {__name__}.<lambda> and by {__name__}.ping[Ping]".replace(
        "<lambda>", "test_a_second_handler_of_its_command_is_refused.<locals>.<lambda>"
    )


async def test_its_stream_may_be_a_function_of_the_command() -> None:
    """And its options are those of its handlers."""
    module = Module("pings")
    module.decider(initial=int, decide=ping, evolve=add, stream=lambda command: f"even-{command.n % 2 == 0}", timeout=5)
    async with App("pings", modules=[module], database="memory:") as app:
        for n in range(3):
            assert (await app.execute(Ping(n=n))).is_success
        assert await history(app, "even-True") == ["pinged", "pinged"]


@pytest.mark.parametrize("answer", [Success([Pinged(n=1)]), Pinged(n=1), None])
async def test_what_is_no_outcome_is_a_mistake(answer: object) -> None:
    """A decision that forgot to answer is not one with nothing to do; nothing is written."""

    def forgetful(command: Ping, state: int) -> Any:
        return answer

    async with App("pings", modules=[of(forgetful)], database="memory:") as app:
        with pytest.raises(WiringError, match="answer a list of events, or a Failure"):
            await app.execute(Ping(n=1))
        assert await app.store.log.head() == 0


async def test_what_is_no_event_is_a_mistake() -> None:
    """It is told by the name of who has answered it, before `evolve` has to do with it."""

    def answering(command: Ping, state: int) -> Any:
        return [command]

    async with App("pings", modules=[of(answering)], database="memory:") as app:
        with pytest.raises(WiringError, match=r"answering\[Ping\] answers Ping\(n=1\) among its events"):
            await app.execute(Ping(n=1))


def test_decide_and_evolve_are_what_was_given() -> None:
    """The decider that is declared is the one that a test calls."""
    assert (account.decide, account.evolve, account.initial) == (decide, evolve, Account)
