"""How much one command may record: what is more is refused whole, before anything is written."""

from typing import Any

import pytest

from tests.app.bank import Announce, Deposit, Open, app_on, told
from twofold.app import Bounds
from twofold.errors import TooLarge, WiringError
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


@pytest.mark.parametrize("wrong", [{"event": 0}, {"events": -1}, {"metadata": 0}], ids=str)
def test_a_bound_that_nothing_fits_into_is_refused(wrong: dict[str, int]) -> None:
    """Where it is written."""
    with pytest.raises(WiringError, match="no event fits"):
        Bounds(**wrong)
