"""A message by the name that people type: its wire name, or the name of its class."""

import difflib
from collections.abc import Collection, Iterable
from typing import Any

from twofold.errors import NotFound
from twofold.messages import Kind, MessageType


class NoSuchMessage(NotFound):
    """An application knows no message of that name.

    Args:
        app: The name of the application.
        name: What was asked for.
        near: Names that look like it, best first.
        kind: What it had to be, where not every message will do.
        other: What it is instead, where there is a message of that name.
    """

    def __init__(
        self, *, app: str, name: str, near: tuple[str, ...], kind: Kind | None = None, other: Kind | None = None
    ) -> None:
        what = "message" if kind is None else kind.value
        text = f"{app} knows no {what} called {name!r}"
        super().__init__(f"{text}: it is a {other.value}" if other is not None else text)
        self.app, self.name, self.near, self.kind, self.other = app, name, near, kind, other

    @property
    def hint(self) -> str:
        """What may have been meant."""
        if self.other is not None:
            return _DOORS[self.other]
        return f"did you mean {', '.join(self.near)}?" if self.near else "`twofold describe` lists all of them"


_DOORS = {
    Kind.COMMAND: "a command is sent with `twofold send`",
    Kind.QUERY: "a query is asked with `twofold ask`",
    Kind.EVENT: "an event is recorded by the handler of a command, and not sent",
}


def message_called(
    app: str, catalogue: Iterable[MessageType[Any]], name: str, kind: Kind | None = None
) -> MessageType[Any]:
    """Find a message.

    Args:
        app: The name of the application.
        catalogue: Its messages.
        name: A wire name, or the name of a class.
        kind: What it has to be; any message unless given.

    Raises:
        NoSuchMessage: There is none; the hint says what may have been meant.
    """
    known = _by_name(catalogue)
    found = known.get(name)
    if found is None:
        fitting = {one: entry for one, entry in known.items() if kind in (None, entry.kind)}
        raise NoSuchMessage(app=app, name=name, near=_near(name, fitting), kind=kind)
    if kind not in (None, found.kind):
        raise NoSuchMessage(app=app, name=name, near=(), kind=kind, other=found.kind)
    return found


def _by_name(catalogue: Iterable[MessageType[Any]]) -> dict[str, MessageType[Any]]:
    """Wire names win over the names of classes."""
    entries: Collection[MessageType[Any]] = list(catalogue)
    return {entry.cls.__qualname__: entry for entry in entries} | {entry.name: entry for entry in entries}


def _near(name: str, known: dict[str, MessageType[Any]]) -> tuple[str, ...]:
    small = {one.lower(): entry.name for one, entry in known.items()}
    near = [small[one] for one in difflib.get_close_matches(name.lower(), small, n=5)]
    return tuple(dict.fromkeys(near))[:3]
