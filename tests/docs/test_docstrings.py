"""The examples of docstrings, which the site prints as its reference: each runs, and says what it shows.

They speak of what is in `shop.py` and `told.py`, which each of them is given afresh; two need a past, which is here.
"""

import ast
import asyncio
import doctest
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest

from tools.docs_site import rooms
from twofold import App, Command, Event, Module, Secret, UnitOfWork, event

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "twofold"


def examples() -> Iterator[doctest.DocTest]:
    """All that is behind a `>>>` in a docstring of any file."""
    parser = doctest.DocTestParser()
    for path in sorted(SOURCE.rglob("*.py")):
        source = path.read_text()
        for node in ast.walk(ast.parse(source)) if ">>> " in source else ():
            match node:
                case ast.Expr(value=ast.Constant(value=str(text))) if ">>> " in text:
                    name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
                    yield parser.get_doctest(text, {}, f"{name}:{node.lineno}", str(path), node.lineno)
                case _:
                    pass


EXAMPLES = list(examples())


@dataclass(frozen=True, kw_only=True)
class Enter(Command[None]):
    """Enter with a password."""

    password: Annotated[str, Secret]


@dataclass(frozen=True, kw_only=True)
class Post(Command[None]):
    """Tell of orders by their ids."""

    ids: tuple[str, ...]


@event(name="order_placed")
@dataclass(frozen=True, kw_only=True)
class Told(Event):
    order_id: str


def post_office() -> App:
    """Takes passwords and orders, and thanks for these."""
    mail = Module("mail")

    @mail.handler
    async def enter(command: Enter) -> None:
        """Let them in."""

    @mail.handler
    async def post(command: Post, unit: UnitOfWork) -> None:
        for one in command.ids:
            unit.append(f"order-{one.removesuffix('?')}", Told(order_id=one))

    @mail.on(Told)
    async def thank(event: Told) -> None:
        if event.order_id.endswith("?"):
            raise ValueError(event.order_id)

    return App("mail", modules=[mail], database="mail.db")


@asynccontextmanager
async def sent() -> AsyncGenerator[Mapping[str, Any]]:
    """A command with a secret, in the audit trail."""
    async with post_office() as app:
        await app.execute(Enter(password="open"))
        (entry,) = [one async for one in app.audit.entries()]
    yield {"app": app, "message_id": entry.message_id}


@asynccontextmanager
async def put_aside() -> AsyncGenerator[Mapping[str, Any]]:
    """Three events of order 7 that wait, since nobody could be thanked for the first of them."""
    async with post_office() as app:
        await app.execute(Post(ids=("1", "2", "3", "4", "5", "6", "7?", "7", "7")))
        await app.settle()
        yield {"app": app}


PAST: Mapping[str, Callable[[], AbstractAsyncContextManager[Mapping[str, Any]]]] = {
    "app.replay._replay": sent,
    "subscriptions._lot": put_aside,
}


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What an example may name: the public names of all rooms, and what is in `told.py` and `shop.py`."""
    monkeypatch.chdir(tmp_path)
    for name in ("TWOFOLD_DATABASE", "TWOFOLD_APP"):
        monkeypatch.delenv(name, raising=False)
    public = {name: getattr(room, name) for room in map(import_module, rooms()) for name in room.__all__}
    shop, told = [loaded(name, monkeypatch) for name in ("shop", "told")]
    return public | vars(told) | vars(shop)


def loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A file beside this one, as a package that an example imports."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, made)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_says_what_it_shows(example: doctest.DocTest, names: dict[str, Any]) -> None:
    """Line by line, as if it were typed; three dots stand for anything."""
    checker = doctest.OutputChecker()
    with asyncio.Runner() as runner:
        closing = AsyncExitStack()
        if past := PAST.get(example.name.partition(":")[0]):
            names |= runner.run(closing.enter_async_context(past()))
        for line in example.examples:
            code = compile(line.source, example.name, "single", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            said = StringIO()
            with redirect_stdout(said):
                waiting = eval(code, names)
                if waiting is not None:
                    runner.run(waiting)
            fits = checker.check_output(line.want, said.getvalue(), doctest.ELLIPSIS)
            assert fits, checker.output_difference(line, said.getvalue(), doctest.ELLIPSIS)
        runner.run(closing.aclose())


def test_every_example_is_found() -> None:
    """As many as are written."""
    written = sum(path.read_text().count(">>> ") for path in SOURCE.rglob("*.py"))
    assert sum(len(one.examples) for one in EXAMPLES) == written > 80
