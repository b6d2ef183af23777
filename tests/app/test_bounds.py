"""How much one command may record: what is more is refused whole, before anything is written."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from tests.app.bank import Announce, Deposit, Open, app_on, told
from twofold import App, Command, Event, Module, UnitOfWork
from twofold.app import Bounds
from twofold.errors import Invalid, TooLarge, WiringError
from twofold.messages import Tag
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "command, caller, limit, text",
    [
        (Announce(texts=("fits", "x" * 100)), {}, 100, "an event announced is larger than 100 bytes"),
        (Announce(texts=("é" * 50,)), {}, 100, "an event announced is larger than 100 bytes"),
        (Announce(texts=("fits",), surviving="x" * 100), {}, 100, "an event announced is larger than 100 bytes"),
        (Open(owner="x" * 100), {}, 100, "an event opened is larger than 100 bytes"),
        (Announce(texts=("a", "b", "c", "d")), {}, 3, "what one command records is larger than 3 events"),
        (
            Announce(texts=("a",)),
            {"user_id": "x" * 300},
            300,
            "the metadata of a message is larger than 300 characters",
        ),
        (Announce(texts=("a",)), {"trace": {"t": "x" * 300}}, 300, "the metadata of a message is larger"),
    ],
)
async def test_what_is_out_of_bounds_is_refused_whole(
    command: Any, caller: dict[str, Any], limit: int, text: str
) -> None:
    """An event by its bytes, a command by the number of its events, and what is kept beside them by its characters."""
    store = MemoryStore()
    async with app_on(store, bounds=Bounds(event=100, events=3, metadata=300)) as app:
        result = await app.caller(**caller).execute(command)
        assert isinstance(result.error, TooLarge)
        assert text in str(result.error)
        assert result.error.limit == limit
        assert await told(store) == []
        assert (await app.execute(Announce(texts=("a", "b", "x" * 80)))).is_success
    assert len(await told(store)) == 3


async def test_what_an_aggregate_records_is_bounded_too() -> None:
    """Its events come to the unit of work when it commits."""
    store = MemoryStore()
    async with app_on(store, bounds=Bounds(event=40)) as app:
        assert (await app.execute(Open(owner="ada"))).is_success
        assert (await app.execute(Deposit(owner="ada", amount=10**9))).is_success
        assert isinstance((await app.execute(Deposit(owner="ada", amount=10**30))).error, TooLarge)
    assert len(await told(store)) == 2


@dataclass(frozen=True, kw_only=True)
class Put(Command[None]):
    """Records that something is there."""

    stream: str = "there"
    what: str = "it"


@dataclass(frozen=True, kw_only=True)
class Placed(Event):
    """Something is there."""

    what: Annotated[str, Tag("what")]


async def put(command: Put, unit: UnitOfWork) -> None:
    unit.append(command.stream, Placed(what=command.what))


@pytest.mark.parametrize(
    "command, error, text",
    [
        (Put(stream="x" * 101), TooLarge, "the name of a stream, or a tag, is larger than 100 bytes"),
        (Put(stream="é" * 51), TooLarge, "larger than 100 bytes"),
        (Put(what="x" * 96), TooLarge, "larger than 100 bytes"),
        (Put(stream="a\0b"), Invalid, "holds a NUL"),
        (Put(what="a\0b"), Invalid, "holds a NUL"),
        (Put(stream="a\ud800"), Invalid, "half of a surrogate pair"),
    ],
    ids=["stream", "bytes", "tag", "nul", "nul in a tag", "surrogate"],
)
async def test_a_name_that_not_every_database_takes_is_refused(command: Put, error: type[Exception], text: str) -> None:
    """With an id in it that a stranger has chosen: on a database that would take it, too."""
    store, module = MemoryStore(), Module("places")
    module.events(Placed)
    module.handler(put)
    async with App("places", modules=[module], database=store, bounds=Bounds(name=100)) as app:
        refused = (await app.execute(command)).error
        assert isinstance(refused, error)
        assert text in str(refused)
        assert (await app.execute(Put(stream="x" * 100, what="x" * 95))).is_success
        assert (await app.execute(Put(stream="é" * 50))).is_success
    assert await store.log.head() == 2


def test_names_longer_than_an_index_takes_cannot_be_allowed() -> None:
    """On PostgreSQL they would be a bug at the first that is."""
    with pytest.raises(WiringError, match="give it 2,500 or less"):
        Bounds(name=2_501)


@pytest.mark.parametrize("wrong", [{"event": 0}, {"events": -1}, {"metadata": 0}, {"name": 0}], ids=str)
def test_a_bound_that_nothing_fits_into_is_refused(wrong: dict[str, int]) -> None:
    """Where it is written."""
    with pytest.raises(WiringError, match="no event fits"):
        Bounds(**wrong)
