"""The catalogue: every message with its fields, what it answers, its door, and what it leads to."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from tests.cli.desk import desk
from twofold import App, Command, FromContext, Module, Refused, Result, Secret, Success
from twofold.app.catalogue import Catalogued, catalogue_of
from twofold.app.catalogue import Field as Shown


@dataclass(frozen=True, kw_only=True)
class Street:
    """Where it is."""

    name: str
    number: Annotated[int, Field(ge=1)] = 1


@dataclass(frozen=True, kw_only=True)
class Home:
    """Whose it is."""

    streets: tuple[Street, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Move(Command[int]):
    """Move somebody.

    To another place.
    """

    who: Annotated[str, FromContext("user_id")]
    home: Home | None = None
    rent: Annotated[Decimal, Field(gt=0, description="By the month.")] = Decimal(1)
    way: Literal["van", "train"] = "van"
    pair: tuple[int, str] = (1, "a")
    pin: Annotated[str, Secret] = "1234"
    api_key: str = "hush"
    tags: Annotated[list[str], Field(max_length=3)]


async def move(command: Move) -> Result[int, Refused]:
    """Move."""
    return Success(1)


def catalogued(module: Module, name: str) -> Catalogued:
    """A message of a module."""
    parts = catalogue_of(App("homes", modules=[module], database="memory:"))
    return next(one for part in parts for one in part.messages if one.name == name)


def homes() -> Module:
    """A module with one command."""
    module = Module("homes")
    module.register(Move, move, path="/homes", method="PUT")
    return module


def test_a_field_tells_what_it_takes_and_what_holds_for_it() -> None:
    """Those of objects in it follow under their paths; what is secret has no default that anybody sees."""
    fields = {one.name: one for one in catalogued(homes(), "move").fields}
    assert list(fields) == [
        *("who", "home", "home.streets", "home.streets.name", "home.streets.number"),
        *("rent", "way", "pair", "pin", "api_key", "tags"),
    ]
    assert fields["who"] == Shown(name="who", type="text", required=True, filled_by="user_id", takes_text=True)
    assert (fields["home"].type, fields["home.streets"].type) == ("Home or nothing", "list of Street")
    assert (fields["home.streets.number"].limits, fields["home.streets.number"].default) == (("at least 1",), "1")
    assert (fields["rent"].text, fields["rent"].limits) == ("By the month.", ("more than 0",))
    assert (fields["way"].type, fields["pair"].type) == ("one of van, train", "(integer, text)")
    assert [(fields[name].secret, fields[name].default) for name in ("pin", "api_key")] == [(True, ""), (True, "")]
    assert (fields["tags"].type, fields["tags"].limits) == ("list of text", ("at most 3 items",))


def test_a_command_tells_its_answer_its_refusals_and_its_door() -> None:
    """As its handler has them; a docstring keeps its lines."""
    found = catalogued(homes(), "move")
    assert found.text == "Move somebody.\n\nTo another place."
    assert (found.answers, found.refuses, found.route) == ("int", "Refused", "PUT /homes")
    assert found.handler == "tests.app.test_catalogue.move"


def test_messages_stand_with_their_module_and_events_by_themselves() -> None:
    """With what causes them, and who follows."""
    parts = catalogue_of(App("desk", modules=[desk], database="desk.db"))
    assert [(part.module, len(part.messages)) for part in parts] == [("desk", 6), ("", 1)]
    (event,) = parts[-1].messages
    assert (event.caused_by, event.followed_by) == (("take",), ("projection desk_orders",))
    take = next(one for one in parts[0].messages if one.name == "take")
    assert take.causes == ("taken",)
