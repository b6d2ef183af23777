"""What a first user tripped over: each of these failed once, or failed without a word that helped."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import App, Command, CommandBus, Failure, Module, Query, Result
from twofold.errors import HandlerNotFoundError, WiringError, exists
from twofold.sql import ReadSession

pytestmark = pytest.mark.anyio


class Tables(DeclarativeBase):
    """The tables of this file."""


class Shelf(Tables):
    """A table whose rows are unique by name."""

    __tablename__ = "trial_shelf"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


@dataclass(frozen=True, kw_only=True)
class AddShelf(Command[None]):
    """Adds a row, and leaves the flush to the commit."""

    name: str


async def add_shelf(command: AddShelf, session: AsyncSession) -> None:
    """Write without flushing."""
    session.add(Shelf(name=command.name))


async def test_an_error_of_the_last_flush_is_classified_too(tmp_path: Path) -> None:
    """A row that breaks a constraint when the unit commits is a Failure, as if the handler had flushed it."""
    shelves = Module("shelves", errors={IntegrityError: exists})
    shelves.state(Shelf)
    shelves.handler(add_shelf)
    async with App("trial", modules=[shelves], database=tmp_path / "trial.db") as app:
        assert (await app.execute(AddShelf(name="a"))).is_success
        refused = await app.execute(AddShelf(name="a"))
        assert isinstance(refused, Failure)
        assert isinstance(refused.error, IntegrityError)


def test_a_session_without_sql_is_told_why() -> None:
    """A store that knows no SQL is named as the reason, and nobody is sent to provide a session."""
    shelves = Module("shelves")
    shelves.handler(add_shelf)
    (fault,) = App("trial", modules=[shelves], database="memory:").check()
    assert fault.code == "missing_dependency"
    assert "MemoryStore knows no SQL" in fault.hint
    assert ReadSession.__name__ not in fault.hint


def test_a_module_that_is_mounted_twice_is_a_fault() -> None:
    """Its name is its identity."""
    faults = App("trial", modules=[Module("one"), Module("one")], database="memory:").check()
    assert [fault.code for fault in faults] == ["duplicate_module"]


def test_errors_that_are_no_categories_are_refused() -> None:
    """When the application is checked, and not when the error comes."""
    with pytest.raises(WiringError, match="KeyError"):
        App("trial", errors={KeyError: "lost"}, database="memory:").check()  # type: ignore[dict-item]  # the mistake that is told at the start


async def test_a_class_that_is_sent_is_told_from_an_unknown_message() -> None:
    """The hint says what to do."""
    with pytest.raises(HandlerNotFoundError, match="an instance"):
        await CommandBus().execute(AddShelf)


async def test_a_middleware_that_answers_nothing_is_named() -> None:
    """Forgetting to return is the usual mistake."""

    async def forgetful(message: object, context: object, call_next: object) -> None:
        """Return nothing."""

    async def handle(command: AddShelf) -> None:
        """Do nothing."""

    bus = CommandBus()
    bus.register(AddShelf, handle)
    bus.use(forgetful)  # type: ignore[arg-type]  # the mistake that is told at the start
    with pytest.raises(WiringError, match="forgetful"):
        await bus.execute(AddShelf(name="a"))


@pytest.mark.parametrize(
    "answer, fits",
    [(int, False), (None, True), (Any, True), (Result[None], True), (Result[str], False), (int | None, True)],
)
def test_a_handler_that_cannot_keep_the_promise_is_a_fault(answer: Any, fits: bool) -> None:
    """What is annotated is compared with the R of the message; what is not plain is left to the type checker."""

    async def handle(command: AddShelf) -> Any: ...

    handle.__annotations__["return"] = answer
    shelves = Module("shelves")
    shelves.handler(handle)
    faults = App("trial", modules=[shelves], database="memory:").check()
    assert [fault.code for fault in faults] == ([] if fits else ["broken_promise"])


def test_nothing_is_called_nothing_where_a_promise_is_broken() -> None:
    """Not by the class of None, which people never write."""

    class CountShelves(Query[int]):
        pass

    async def count(query: CountShelves) -> None: ...

    async def add(command: AddShelf) -> int:
        return 1

    shelves = Module("shelves")
    shelves.handler(count)
    shelves.handler(add)
    faults = App("trial", modules=[shelves], database="memory:").check()
    assert [fault.text for fault in faults if fault.code == "broken_promise"] == [
        f"answers nothing (None), and {CountShelves.__qualname__} promises int",
        "answers int, and AddShelf promises nothing (None)",
    ]
