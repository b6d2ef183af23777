"""Loading and saving in a unit of work: one aggregate of an id, versions checked, parts undone."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.aggregates.counting import Account, Books, Opened
from twofold.errors import Exists, NotFound, VersionConflict, WiringError
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    """An open store with accounts."""
    store = MemoryStore()
    await store.start()
    yield Books(store)
    await store.stop()


async def test_what_was_saved_is_found(books: Books) -> None:
    """With all it has recorded, whole."""
    await books.have(1, 5, 6)
    account = (await books.accounts(books.unit()).get(1)).unwrap()
    assert (account.balance, account.version) == (11, 3)


async def test_a_long_history_is_read_to_its_end(books: Books) -> None:
    """More events than one page has; also when the last page is full."""
    await books.have(1, *([1] * 1000))
    await books.have(2, *([1] * 1999))
    accounts = books.accounts(books.unit())
    assert [(await accounts.get(number)).unwrap().balance for number in (1, 2)] == [1000, 1999]


async def test_what_is_not_there_is_a_failure_or_none(books: Books) -> None:
    """As the handler prefers."""
    accounts = books.accounts(books.unit())
    result = await accounts.get(7)
    assert isinstance(result.error, NotFound)
    assert str(result.error) == "there is no account 7"
    assert await accounts.find(7) is None


async def test_nothing_is_written_before_the_unit_commits(books: Books) -> None:
    """And what it records after `save` is written too."""
    unit = books.unit()
    account = Account.open(1, "ada")
    await books.accounts(unit).save(account)
    account.deposit(5)
    assert await books.history(1) == []
    await unit.commit()
    assert await books.history(1) == [5]


async def test_saving_twice_writes_once(books: Books) -> None:
    """A handler need not count."""
    await books.have(1)
    unit = books.unit()
    accounts = books.accounts(unit)
    account = (await accounts.get(1)).unwrap()
    await accounts.save(account)
    account.deposit(5)
    await accounts.save(account)
    await unit.commit()
    assert await books.history(1) == [5]


async def test_an_aggregate_that_recorded_nothing_writes_nothing(books: Books) -> None:
    """It was only looked at."""
    await books.have(1)
    unit = books.unit()
    accounts = books.accounts(unit)
    await accounts.save((await accounts.get(1)).unwrap())
    assert (await unit.commit()).position == 0


async def test_one_that_has_recorded_something_is_not_forgotten(books: Books) -> None:
    """The commit says so, and writes nothing; one of a part that was undone is as it was."""
    await books.have(1)
    unit = books.unit()
    accounts = books.accounts(unit)
    with suppress(KeyError):
        async with unit:
            (await accounts.get(1)).unwrap().deposit(5)
            raise KeyError
    (await accounts.get(1)).unwrap().deposit(7)
    unit.append("beside", Opened(id=2, owner="bob"))
    with pytest.raises(WiringError, match=r"account-1 has recorded events and was not saved: `await repository\.save"):
        await unit.commit()
    assert await books.history(1) == []
    await accounts.save((await accounts.get(1)).unwrap())
    await unit.commit()
    assert await books.history(1) == [7]


async def test_there_is_one_aggregate_of_an_id_in_a_unit(books: Books) -> None:
    """Loaded or saved, however often it is asked for."""
    await books.have(1)
    unit = books.unit()
    first, second = books.accounts(unit), books.accounts(unit)
    assert (await first.get(1)).unwrap() is (await second.get(1)).unwrap()
    new = Account.open(2, "bob")
    await first.save(new)
    assert await second.find(2) is new


async def test_of_two_who_decide_on_the_same_version_one_is_refused(books: Books) -> None:
    """And writes nothing."""
    await books.have(1)
    one, two = books.unit(), books.unit()
    for unit, amount in ((one, 5), (two, 6)):
        accounts = books.accounts(unit)
        account = (await accounts.get(1)).unwrap()
        account.deposit(amount)
        await accounts.save(account)
    await one.commit()
    with pytest.raises(VersionConflict) as raised:
        await two.commit()
    assert (raised.value.stream, raised.value.expected, raised.value.actual) == ("account-1", 1, 2)
    assert await books.history(1) == [5]


async def test_two_new_ones_of_an_id_do_not_become_one(books: Books) -> None:
    """Not in two units, and not in one."""
    unit = books.unit()
    accounts = books.accounts(unit)
    await accounts.save(Account.open(1, "ada"))
    await accounts.save(Account.open(1, "eve"))
    with pytest.raises(VersionConflict):
        await unit.commit()
    assert await books.accounts(books.unit()).find(1) is None


async def test_adding_is_refused_when_the_id_is_taken(books: Books) -> None:
    """In the log, or earlier in the unit."""
    await books.have(1)
    accounts = books.accounts(books.unit())
    assert (await accounts.add(Account.open(2, "bob"))).is_success
    for taken in (1, 2):
        error = (await accounts.add(Account.open(taken, "eve"))).error
        assert isinstance(error, Exists)
        assert str(error) == f"there is an account {taken} already"


async def test_an_aggregate_without_an_id_cannot_be_saved_or_added(books: Books) -> None:
    """Its first event has to set one."""
    accounts = books.accounts(books.unit())
    with pytest.raises(WiringError, match="Account has no id"):
        await accounts.save(Account())
    with pytest.raises(WiringError, match="Account has no id"):
        await accounts.add(Account())


class TestParts:
    """A part of a unit that is undone takes back what it did to aggregates."""

    async def test_one_that_was_known_before_is_as_it_was(self, books: Books) -> None:
        """Its state and its events; whoever holds it goes on with that."""
        await books.have(1, 1)
        unit = books.unit()
        accounts = books.accounts(unit)
        account = (await accounts.get(1)).unwrap()
        account.deposit(2)
        await accounts.save(account)
        with pytest.raises(KeyError):  # noqa: PT012  # the block is what is tested
            async with unit:
                same = (await books.accounts(unit).get(1)).unwrap()
                same.deposit(1000)
                await books.accounts(unit).save(same)
                raise KeyError
        assert account.balance == 3
        account.deposit(4)
        await unit.commit()
        assert await books.history(1) == [1, 2, 4]

    async def test_one_that_it_loaded_is_loaded_again(self, books: Books) -> None:
        """What it had become is forgotten with the part."""
        await books.have(1, 1)
        unit = books.unit()
        accounts = books.accounts(unit)
        with pytest.raises(KeyError):  # noqa: PT012  # the block is what is tested
            async with unit:
                (await accounts.get(1)).unwrap().deposit(1000)
                raise KeyError
        account = (await accounts.get(1)).unwrap()
        account.deposit(2)
        await accounts.save(account)
        await unit.commit()
        assert await books.history(1) == [1, 2]

    async def test_a_part_that_is_kept_leaves_everything(self, books: Books) -> None:
        """And a nested one that is undone only its own."""
        await books.have(1)
        unit = books.unit()
        accounts = books.accounts(unit)
        account = (await accounts.get(1)).unwrap()
        await accounts.save(account)
        async with unit:
            account.deposit(1)
            with pytest.raises(KeyError):  # noqa: PT012  # the block is what is tested
                async with unit:
                    account.deposit(1000)
                    raise KeyError
            account.deposit(2)
        await unit.commit()
        assert await books.history(1) == [1, 2]
