"""What a package of messages lacks before it is complete: handlers, decisions about HTTP, tests.

A project calls this in a test of its own, so that whoever adds a command and forgets the rest is told at once.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final, Literal, NamedTuple, TypeAlias

from twofold.aggregates import Deciding
from twofold.app import App
from twofold.app.discovery import imported
from twofold.dispatch import Door, Handler
from twofold.errors import WiringError
from twofold.messages import Command, Query

Lacking: TypeAlias = Literal["handler", "route", "test"]

_UNDECIDED: Final = Door()


class Gap(NamedTuple):
    """What a command or query lacks.

    Args:
        message: Its class.
        lacks: A `handler`, a decision about its `route`, or a `test`.
        hint: What to do about it.
    """

    message: type
    lacks: Lacking
    hint: str

    def __repr__(self) -> str:
        return f"{self.message.__module__}.{self.message.__qualname__} has no {self.lacks}: {self.hint}"


def uncovered(app: App, package: str | ModuleType, *, tests: str | Path) -> list[Gap]:
    """The commands and queries of a package that have no handler, no decision about HTTP, or no test.

    A decision is what a handler says of its door: `path=`, `method=` or `status=`, or `hidden=True` for what is not
    offered. One that says nothing is offered by convention, and so by accident too; of a decider nothing can be said. A
    test is any file whose code names the class; an import, a comment or a text is none.

    Args:
        app: The application; it need not be running.
        package: Where the messages are; all of it is imported.
        tests: The folder with the tests.

    Returns:
        What is missing, in the order of the package; nothing when it is complete.

    Raises:
        NotDiscovered: There is no such package, or something in it cannot be imported.
        WiringError: There is no such folder, or no test in it.
        SyntaxError: A test is no Python.

    Example:
        >>> def test_nothing_is_forgotten() -> None:
        ...     assert uncovered(app, "shop", tests=Path(__file__).parent) == []
    """
    named = _names_in(Path(tests))
    app.check()
    handlers = {handler.message_type: handler for handler in app.router.handlers()}
    return [gap for message in _messages(package) for gap in _gaps(message, handlers, named)]


def _messages(package: str | ModuleType) -> Iterator[type]:
    """Commands and queries where they are defined."""
    for python_module in imported(package):
        classes = [value for value in vars(python_module).values() if isinstance(value, type)]
        here = [one for one in classes if one.__module__ == python_module.__name__]
        yield from (one for one in here if issubclass(one, (Command, Query)))


def _gaps(message: type, handlers: Mapping[type, Handler], named: set[str]) -> Iterator[Gap]:
    handler = handlers.get(message)
    if handler is None and any(issubclass(handled, message) for handled in handlers):
        return  # a base class of messages, and none that is sent
    if handler is None:
        yield Gap(message, "handler", "write one, or mount the module that has it")
    elif handler.door == _UNDECIDED and not isinstance(handler.target, Deciding):
        yield Gap(message, "route", "say path= for where it is offered over HTTP, or hidden=True for nowhere")
    if message.__name__ not in named:
        yield Gap(message, "test", "no test uses it")


def _names_in(tests: Path) -> set[str]:
    """The names that tests use.

    Raises:
        WiringError: There is no test.
    """
    files = [*tests.rglob("test_*.py"), *tests.rglob("*_test.py")]
    if not files:
        raise WiringError(f"there is no test in {tests}")
    return {name for file in files for name in _used(ast.parse(file.read_text(encoding="utf-8"), str(file)))}


def _used(tree: ast.AST) -> Iterator[str]:
    """Names as they stand in code, also behind a dot: not in an import, a comment or a docstring."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()):
                yield name
            case _:
                pass
