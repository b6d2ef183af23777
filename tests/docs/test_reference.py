"""The page of reference says what the code does: every row of its tables is there, and nothing is there beside them."""

import importlib
import inspect
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin

import pytest
import rich_click as click
from dishka import AsyncContainer
from dishka.registry import Registry
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.docs.test_example_pages import parsed
from twofold import Aggregate, App, Command, Event, Failure, Live, Module, Query, Repository, Rows
from twofold.app.explanation import explain
from twofold.cli import exit_of
from twofold.cli._exit import BUG
from twofold.cli._main import commands
from twofold.errors import Category, Classifier
from twofold.projections._method import read_method
from twofold.sql import SqlPart
from twofold.store import Recorded
from twofold.web import attach, http
from twofold.web._problem import CRASHED, problem_of, problem_of_status
from twofold.web._problem_schema import PROBLEM_SCHEMA

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference.md").read_text()
KINDS = {"commands": "command", "queries": "query", "reactions": "event"}


def table(head: str) -> list[list[str]]:
    """The cells of the table whose head begins so, without the marks of code."""
    lines = iter(PAGE.splitlines())
    assert any(line.startswith(f"| {head} |") for line in lines), head
    assert next(lines).startswith("|---")
    rows = list[list[str]]()
    for line in lines:
        if not line.startswith("| "):
            return rows
        rows.append([cell.strip().strip("`").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


ASKED = table("type | import from | in | as")


class Tables(DeclarativeBase):
    """The tables of this file."""


class Shelf(Tables):
    """A table."""

    __tablename__ = "reference_shelf"
    id: Mapped[int] = mapped_column(primary_key=True)


@dataclass(frozen=True, kw_only=True)
class Put(Command[Any]):
    """A command."""


@dataclass(frozen=True, kw_only=True)
class Find(Query[Any]):
    """A query."""


@dataclass(frozen=True, kw_only=True)
class Placed(Event):
    """An event."""

    id: int = 1


class Order(Aggregate):
    """An aggregate."""

    def evolve(self, event: Event) -> None:
        """Follow what happened."""


class Shelves:
    """A live projection."""

    def placed(self, event: Placed, rows: Rows) -> None:
        """Keep a row."""
        rows.upsert(Shelf, {"id": event.id})


def asked_type(name: str, room: str) -> Any:
    """The type of a row of the first table."""
    match name:
        case "Repository[Order]":
            return Repository[Order]
        case "Live[Shelves]":
            return Live[Shelves]
        case _:
            return getattr(importlib.import_module(room), name)


def app_with(kind: str, wanted: Any, folder: Path, *, awaits: bool) -> App:
    """An application in which the handler of one kind asks for a type."""
    module = Module("reference")

    def blocking(message: Any, wanted: Any) -> None: ...

    async def awaiting(message: Any, wanted: Any) -> None: ...

    async def put(command: Put) -> None: ...

    async def find(query: Find) -> None: ...

    handler: Callable[..., Any] = awaiting if awaits else blocking
    message = {"command": Put, "query": Find, "event": Placed}[kind]
    handler.__annotations__.update(message=message, wanted=wanted)
    module.projection("shelves", mode="live", tables=[Shelf])(Shelves)
    if kind == "event":
        module.on(Placed)(handler)
    else:
        module.handler(handler)
    if kind != "command":
        module.handler(put)
    if kind != "query":
        module.handler(find)
    return App("reference", modules=[module], database=folder / "reference.db")


@pytest.mark.parametrize("kind", KINDS.values())
@pytest.mark.parametrize("row", ASKED, ids=lambda row: row[0])
def test_a_handler_may_ask_for_what_the_page_says(row: list[str], kind: str, tmp_path: Path) -> None:
    """Where the page says, and nowhere else: the application has no fault, or at least one."""
    name, room, where, how, *_ = row
    allowed = {KINDS[one] for one in where.split(", ")}
    for awaits in (True, False):
        fits = kind in allowed and (how == "both" or how == ("async def" if awaits else "def"))
        faults = app_with(kind, asked_type(name, room), tmp_path, awaits=awaits).check()
        assert (not faults) is fits, (awaits, faults)


def test_the_page_has_all_that_the_container_offers(tmp_path: Path) -> None:
    """Everything that nobody provides: what is twofold's own inside is no offer, nor is the container."""
    app = app_with("command", asked_type("Session", "sqlalchemy.orm"), tmp_path, awaits=False)
    registry: Registry | None = app.assembly.injection.services.registry
    offered = set[Any]()
    while registry is not None:
        offered |= {get_origin(key.type_hint) or key.type_hint for key in registry.factories}
        registry = registry.child_registry
    inside = {one for one in offered if one in (AsyncContainer, SqlPart) or one.__name__ == "blocking"}
    told = {get_origin(asked_type(*row[:2])) or asked_type(*row[:2]) for row in ASKED}
    by_signature = {asked_type("Logger", "logging")}
    assert told - by_signature == offered - inside


@pytest.mark.parametrize("row", ASKED, ids=lambda row: row[0])
def test_an_example_calls_what_is_there(row: list[str]) -> None:
    """The first method or attribute of each example is one of its type."""
    wanted = asked_type(*row[:2])
    found = re.search(r"\w+\.(\w+)", row[5])
    assert found is not None
    assert hasattr(get_origin(wanted) or wanted, found[1])


@pytest.mark.parametrize("row", table("type | import from | in | gives"), ids=lambda row: row[0])
def test_a_method_of_a_projection_may_ask_for_what_the_page_says(row: list[str]) -> None:
    """And a writer for the entry in the log alone."""
    wanted = getattr(importlib.import_module(row[1]), row[0])
    module = Module("reference")
    module.projection("shelves", tables=[Shelf])(Shelves)

    async def awaiting(self: Any, event: Placed, wanted: Any) -> None: ...

    def queueing(self: Any, event: Placed, wanted: Any) -> None: ...

    method: Callable[..., Any] = awaiting if row[0] == "AsyncSession" else queueing
    method.__annotations__["wanted"] = wanted
    bound = method.__get__(Shelves())
    assert read_method("here", method, bound, module.projections[0]).event is Placed
    assert ("writer" in row[2]) is (wanted is Recorded)


def test_the_blocks_work_as_printed() -> None:
    """What is provided on the page is provided, the strict messages are strict, and what is guarded is sound."""
    provided, strict, guarded, told = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    ground = """
from dataclasses import dataclass
from typing import Annotated, Protocol
from dishka import Provider
from pydantic import ConfigDict, Strict
from twofold import App, Command, Module
class Mail(Protocol): ...
class SmtpMail: ...
class FakeMail: ...
class Rates: ...
def rates_of_today() -> Rates: return Rates()
@dataclass
class Settings: currency: str
orders, app, provider = Module("orders"), App("orders", database="memory:"), Provider()
"""
    names: dict[str, Any] = {}
    exec(ground + provided + strict + ground_of_guards() + guarded + told, names)  # the page's own text
    names["shop"].provide(names["Owners"])
    app = App("shop", modules=[names["shop"]], database="memory:", authorization="required")
    assert app.check() == []
    assert [stage for stage in explain(app, "refund_order").handlers[0].stages if stage in GUARDING] == GUARDING
    assert len(names["orders"].providers) == 4
    assert names["CountAll"].__pydantic_config__["strict"] is True


GUARDING = ["authorization", "validation", "lifecycle", "conclusion"]


def ground_of_guards() -> str:
    """What the blocks on policies and lifecycles stand on."""
    commands = {"PayOrder": "OrderCommand", "RefundOrder": "OrderCommand", "CloseShop": "Command[None]"}
    return """
from uuid import UUID
from twofold import Event, Lifecycle, Principal, Query, has_role, public, signed_in
from twofold.dispatch import always
@dataclass(frozen=True, kw_only=True)
class OrderCommand(Command[None]): order_id: UUID
@dataclass(frozen=True, kw_only=True)
class ListPrices(Query[int]): ...
@dataclass(frozen=True, kw_only=True)
class PaymentAttempted(Event): order_id: UUID
@dataclass(frozen=True, kw_only=True)
class OrderPaid(Event): order_id: UUID
@dataclass(frozen=True, kw_only=True)
class PaymentFailed(Event): reason: str
def payment_failed(command: OrderCommand, reason: str) -> PaymentFailed: return PaymentFailed(reason=reason)
class Owners:
    def of(self, order_id: UUID) -> str: ...
async def list_prices(query: ListPrices) -> int: ...
""" + "".join(
        f"""
@dataclass(frozen=True, kw_only=True)
class {command}({base}): ...
async def {re.sub("(?<=[a-z])(?=[A-Z])", "_", command).lower()}(command: {command}) -> None: ...
"""
        for command, base in commands.items()
    )


def test_every_category_has_its_status_and_exit_code() -> None:
    """As the two rooms answer, and a bug beside them."""
    rows = {row[0]: (int(row[2]), int(row[3])) for row in table("category")}

    class Foreign(Exception):
        """Knows nothing of twofold."""

    expected: dict[str, tuple[int, int]] = {}
    for one in Category:
        classifier = Classifier({Foreign: one})
        expected[one.value] = problem_of(Foreign(), classifier).status, exit_of(Failure(Foreign()), classifier)
    assert rows == {**expected, "a bug": (CRASHED.status, BUG)}


def test_every_member_of_a_problem_is_there() -> None:
    """With those that are always there."""
    rows = {row[0]: row[1] for row in table("member")}
    assert rows.keys() == PROBLEM_SCHEMA["properties"].keys()
    assert [name for name, there in rows.items() if there == "always"] == PROBLEM_SCHEMA["required"]
    assert problem_of_status(405).document("id")


@pytest.mark.parametrize(
    "head, function",
    [("argument | unless given | is", App.__init__), ("argument", http)],
    ids=["App", "http"],
)
def test_every_setting_is_there_with_its_default(head: str, function: Callable[..., Any]) -> None:
    """A default that is a number or a switch is the page's too."""
    rows = settings_of(function)
    parameters = list(inspect.signature(function).parameters.values())
    keyword = {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}
    assert rows.keys() == keyword.keys()
    plain = {name: str(value) for name, value in keyword.items() if isinstance(value, int | float)}
    assert {name: rows[name] for name in plain} == plain
    if function is http:
        attached = [one.name for one in inspect.signature(attach).parameters.values() if one.kind is one.KEYWORD_ONLY]
        told = ", ".join(f"`{name}`" for name in attached[:-1])
        assert f"`app.attach(fastapi_app, ...)` has {told} and `{attached[-1]}`" in " ".join(PAGE.split())


def settings_of(function: Callable[..., Any]) -> dict[str, str]:
    """What the page says of a function's arguments: name and default."""
    title = "Arguments of `App(" if function is App.__init__ else "Arguments of `app.http("
    text = PAGE[PAGE.index(title) :]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", text[: text.index("\n\n", text.index("|---"))], re.MULTILINE)
    return {name: default.strip("`") for name, default in rows}


def test_every_environment_variable_is_there() -> None:
    """All that the code reads."""
    texts = [path.read_text() for path in (ROOT / "src").rglob("*.py")]
    read = {name for text in texts for name in re.findall(r'"(TWOFOLD_[A-Z_]+)"', text)}
    assert [row[0] for row in table("variable")] == sorted(read)


def test_what_is_typed_is_there() -> None:
    """A variable of the table, and a command that takes its words."""
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        variable, name, *words = shlex.split(block)
        assert variable.partition("=")[0] in {row[0] for row in table("variable")}
        assert name == "twofold"
        parsed(commands, words)


def test_every_command_is_there_with_its_options() -> None:
    """In the order of `--help`."""
    assert [(row[0], row[1], row[2].replace("`", "").split()) for row in table("`twofold …`")] == list(typed(commands))


def typed(command: click.Command, path: Sequence[str] = ()) -> Iterator[tuple[str, str, list[str]]]:
    """Each command, what follows it, and its options."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from typed(inner, (*path, name))
        return
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    arguments = [one.metavar or "" for one in command.params if isinstance(one, click.Argument)]
    names = [name for one in options for name in (*one.opts, *one.secondary_opts) if name.startswith("--")]
    yield " ".join(path), " ".join(arguments), names
