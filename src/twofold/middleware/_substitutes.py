"""Noting that an answer is a substitute: given instead of what was asked for, and so not to be kept."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_noted: ContextVar[list[str] | None] = ContextVar("twofold_substitutes", default=None)


@contextmanager
def watching_substitutes() -> Generator[list[str]]:
    """Learn which queries were answered by a substitute in a block, this one or any that it sends."""
    outside = _noted.get()
    here: list[str] = []
    token = _noted.set(here)
    try:
        yield here
    finally:
        _noted.reset(token)
        if outside is not None:
            outside += here


def note_substitute(query: str) -> None:
    """Note that a query is answered by a substitute.

    Args:
        query: Its wire name.
    """
    noted = _noted.get()
    if noted is not None:
        noted.append(query)
