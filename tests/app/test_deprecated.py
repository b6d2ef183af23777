"""What will go is marked wherever messages are described, and whoever still sends it is counted."""

from dataclasses import dataclass

import pytest

from twofold import App, Command, Module, Query, Success
from twofold.app.catalogue import catalogue_of
from twofold.app.description import describe
from twofold.cli._markdown import as_markdown
from twofold.messages import Kind

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Greet(Command[str]):
    """Say hello."""


@dataclass(frozen=True, kw_only=True)
class Look(Query[int]):
    """Look."""


async def greet(command: Greet) -> str:
    return "Hello!"


async def look(query: Look) -> int:
    return 7


class Numbers:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, str]] = []

    def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None: ...

    def count(self, what: str, message: str) -> None:
        self.counted.append((what, message))


@pytest.fixture
def app() -> App:
    module = Module("greetings")
    module.register(Greet, greet, deprecated=True, path="/greet")
    module.register(Look, look)
    return App("hello", modules=[module], database="memory:")


async def test_whoever_still_sends_it_is_counted(app: App) -> None:
    """By message, whichever door it comes by, and no other one."""
    numbers = Numbers()
    app.observe(meter=numbers)
    async with app:
        assert await app.execute(Greet()) == Success("Hello!")
        assert await app.execute(Look()) == Success(7)
    assert numbers.counted == [("deprecated", "greet")]


def test_the_inventory_has_versions_and_routes(app: App) -> None:
    """Of everything that is offered, and what of it will go."""
    described = describe(app, routes=True).as_dict()["handlers"]
    assert [(one["message"], one["version"], one["route"], one["deprecated"]) for one in described] == [
        ("greet", 1, "POST /greet", True),
        ("look", 1, "GET /queries/look", False),
    ]
    page = "\n".join(as_markdown(app.name, catalogue_of(app)))
    assert page.count("**Deprecated**") == 1
    assert page.index("### greet") < page.index("**Deprecated**") < page.index("### look")


def test_the_api_document_marks_it(app: App) -> None:
    """As OpenAPI does."""
    paths = app.http().openapi()["paths"]
    assert paths["/greet"]["post"]["deprecated"] is True
    assert "deprecated" not in paths["/queries/look"]["get"]
