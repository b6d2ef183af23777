"""Completing messages and their fields in a shell, where the application is known by then."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import rich_click as click

from twofold.app import locate
from twofold.messages import Kind, MessageType

Completion: TypeAlias = Callable[[click.Context, click.Parameter, str], list[str]]
"""Offers what a word may be that was begun."""


def messages_of(*kinds: Kind) -> Completion:
    """What offers the messages of an application, where a word is that or the application before it.

    Args:
        kinds: What may be meant; any message unless given.
    """

    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
        words = whole(context.params.get(parameter.name or "") or ())
        target = words[0] if words else context.params.get("target")
        if target is None or len(words) > 1:  # the message stands there already
            return []
        meant = [one for one in _messages(target) if not kinds or one.kind in kinds]
        names = [one.name for one in meant if one.name.startswith(begun)]
        return names or [one.cls.__qualname__ for one in meant if one.cls.__qualname__.startswith(begun)]

    return complete


def whole(words: Sequence[str]) -> list[str]:
    """Words as they were typed: bash takes a colon for one of its own."""
    return " ".join(words).replace(" : ", ":").split()


def _messages(target: str) -> Iterator[MessageType[Any]]:
    """What an application has; nothing of one that cannot be imported: a prompt is no place to say why."""
    with suppress(Exception):
        app = locate(target)
        app.check()
        yield from app.router.catalogue
