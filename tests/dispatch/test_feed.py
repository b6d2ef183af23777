"""Messages with a correlation or user id of their own feed their context, when nothing better is known."""

from dataclasses import dataclass
from typing import Any

import pytest

from twofold.dispatch import Dispatcher
from twofold.messages import Command, Context, Origin, current_context

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Create(Command[Any]):
    """Carries both."""

    correlation_id: str | None = None
    user_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outer(Command[Any]):
    """Sends one."""


def dispatcher() -> Dispatcher:
    """Answers with who the handler thinks is asking."""
    found = Dispatcher()

    async def create(command: Create, context: Context) -> Any:
        assert current_context() is context
        return context.correlation_id, context.user_id

    async def outer(command: Outer) -> Any:
        return (await found.dispatch(Create(correlation_id="inner", user_id=2))).unwrap()

    found.register_command(Create, create)
    found.register_command(Outer, outer)
    return found


async def test_its_fields_become_the_context() -> None:
    """As text, whatever their type."""
    assert (await dispatcher().dispatch(Create(correlation_id="c", user_id=7))).unwrap() == ("c", "7")


async def test_empty_fields_change_nothing() -> None:
    """The message correlates with itself."""
    correlation_id, user_id = (await dispatcher().dispatch(Create())).unwrap()
    assert correlation_id
    assert user_id is None


async def test_what_a_door_knows_is_never_overruled() -> None:
    """A client cannot become somebody else by a field."""
    sent = await dispatcher().dispatch(Create(user_id=1), origin=Origin(user_id="ada", correlation_id="c"))
    assert sent.unwrap() == ("c", "ada")


async def test_what_a_parent_passes_on_is_not_either() -> None:
    """The story stays one."""
    sent = await dispatcher().dispatch(Outer(), origin=Origin(user_id="ada", correlation_id="c"))
    assert sent.unwrap() == ("c", "ada")
