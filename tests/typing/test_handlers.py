"""What type checkers infer of handlers, repositories, units of work and pages."""

from dataclasses import dataclass
from typing import Any, assert_type
from uuid import UUID

import pytest

from twofold import (
    Aggregate,
    Command,
    CommandHandler,
    Event,
    EventHandler,
    NotFound,
    Page,
    Query,
    QueryHandler,
    Repository,
    Result,
    Success,
    UnitOfWork,
)
from twofold.errors import Exists
from twofold.messages import Catalogue, Context
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Open(Command[UUID]):
    """A command."""


@dataclass(frozen=True, kw_only=True)
class Find(Query[str]):
    """A query."""


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    """An event."""


class OpenHandler(CommandHandler[Open, UUID]):
    """Gives a Result."""

    async def handle(self, message: Open) -> Result[UUID]:
        """Handle it."""
        return Success(UUID(int=1))


class FindHandler(QueryHandler[Find, str]):
    """Gives a bare value, and validates."""

    def validate(self, message: Find) -> bool:
        """Always."""
        return True

    async def handle(self, message: Find) -> str:
        """Handle it."""
        return "found"


class OpenedHandler(EventHandler[Opened]):
    """Gives nothing."""

    async def handle(self, message: Opened) -> None:
        """Handle it."""


class Account(Aggregate):
    """An aggregate."""

    id: str

    def evolve(self, event: Event) -> None:
        """Change by an event."""
        self.id = "1"


async def test_a_handler_executes_what_it_handles() -> None:
    """With the type that its class names."""
    assert_type(await OpenHandler().execute(Open()), Result[UUID, Any])
    assert_type(await FindHandler().execute(Find()), Result[str, Any])
    assert_type(await OpenedHandler().execute(Opened()), Result[None, Any])
    assert_type(OpenHandler().metrics.get("x"), float)
    assert_type(OpenHandler().message_context, Context | None)


async def test_a_repository_gives_aggregates_of_its_class() -> None:
    """Never a plain Aggregate."""
    store, catalogue = MemoryStore(), Catalogue()
    catalogue.add(Opened)
    await store.start()
    unit = UnitOfWork(store, catalogue, Context())
    accounts = Repository(Account, unit, store, catalogue)
    assert_type(accounts, Repository[Account])
    assert_type(await accounts.get("1"), Result[Account, NotFound])
    assert_type(await accounts.find("1"), Account | None)
    account = Account()
    account.record(Opened())
    assert_type(await accounts.add(account), Result[None, Exists])
    async with unit as part:
        assert_type(part, UnitOfWork)
    assert_type(Account.rebuild([Opened()]), Account | None)
    await store.stop()


def test_a_page_has_items_of_its_type() -> None:
    """From what it is built of."""
    assert_type(Page.of(["a"], total=1), Page[str])
    assert_type(Page.slice([1], total=1, limit=1), Page[int])
    assert_type(Page.of(["a"], total=1).items, tuple[str, ...])
