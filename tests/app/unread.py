"""Handlers that cannot be read, in a module whose annotations are text: each of their messages is one fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from twofold import Command, CommandHandler, Module, Query

if TYPE_CHECKING:
    from tests.app.bank import Account

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Untyped(Command[None]):
    """Its handler takes what nobody knows."""


@dataclass(frozen=True, kw_only=True)
class Lost(Command[None]):
    """Its handler takes what is imported for the type checker alone."""


@dataclass(frozen=True, kw_only=True)
class Unwritten(Command[None]):
    """Its handler has no `handle`."""


class Get(BaseModel, Query[int], Generic[T]):
    """A generic query, which is handled by another name than its own."""

    key: T


module = Module("unread")


@module.handler
async def untyped(command: Untyped, other) -> None:  # type: ignore[no-untyped-def]  # the mistake
    """Would be handled."""


@module.handler
async def lost(command: Lost, account: Account) -> None:
    """Would be handled."""


@module.handler
class UnwrittenHandler(CommandHandler[Unwritten, None]):
    """Says what it handles, and not how."""


@module.handler
async def get(query: Get[int]) -> Any:
    """Would be handled."""
