"""What an application's messages lack: handlers, decisions about HTTP, tests."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from twofold import App
from twofold.app import NotDiscovered
from twofold.errors import WiringError
from twofold.testing import uncovered

HEAD = """
from dataclasses import dataclass
from twofold import Command, Module, Query
module = Module("module")
"""
MESSAGE = "@dataclass(frozen=True, kw_only=True)\nclass {name}({base}): ...\n"
HANDLER = "@module.handler({options})\nasync def {function}(message: {name}) -> None: ...\n"
MATTERS = HEAD + MESSAGE.format(name="Matter", base="Command[None]")


@pytest.fixture
def lacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """What the messages of a file lack, with tests that use some of them."""
    name = f"covered_{tmp_path.name.replace('-', '_')}"
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / "tests" / "deep").mkdir(parents=True)

    def said(text: str, tested: str) -> list[str]:
        (tmp_path / name / "messages.py").write_text(text)
        (tmp_path / "tests" / "deep" / "test_messages.py").write_text(tested)
        app = App("covered", database="memory:").discover(name)
        return [f"{gap.message.__name__} {gap.lacks}" for gap in uncovered(app, name, tests=tmp_path / "tests")]

    yield said
    for one in [one for one in sys.modules if one.split(".")[0] == name]:
        del sys.modules[one]


@pytest.mark.parametrize("base", ["Command[None]", "Query[None]"])
@pytest.mark.parametrize("options", ['path="/matter"', "hidden=True", "status=202"])
def test_nothing_is_missing(lacking: Callable[..., list[str]], base: str, options: str) -> None:
    """A message with a handler, which says whether it is offered, and a test that uses it."""
    text = HEAD + MESSAGE.format(name="Matter", base=base)
    text += HANDLER.format(name="Matter", function="matter", options=options)
    assert lacking(text, "Matter()") == []


def test_a_message_without_a_handler_is_told(lacking: Callable[..., list[str]]) -> None:
    """Also where no other message in sight has one, so that the start knows nothing of it."""
    assert lacking(MATTERS, "Matter()") == ["Matter handler"]


def test_a_route_that_nobody_has_decided_on_is_told(lacking: Callable[..., list[str]]) -> None:
    """It would be offered by convention, and so by accident too."""
    assert lacking(MATTERS + HANDLER.format(name="Matter", function="matter", options=""), "Matter()") == [
        "Matter route"
    ]


@pytest.mark.parametrize(
    "tested",
    [
        "Matters()",
        "from covered.messages import Matter",
        "# Matter() is not tested",
        'def test_it() -> None:\n    """Matter() is not tested."""',
        "Matter = 7",
    ],
)
def test_a_message_that_no_test_uses_is_told(lacking: Callable[..., list[str]], tested: str) -> None:
    """A name that begins like it is another one; an import, a comment or a docstring does nothing with it."""
    text = MATTERS + HANDLER.format(name="Matter", function="matter", options="hidden=True")
    assert lacking(text, tested) == ["Matter test"]


@pytest.mark.parametrize("tested", ["send(Matter())", "send(messages.Matter())", "SENT = [Matter]"])
def test_a_message_that_a_test_uses_has_one(lacking: Callable[..., list[str]], tested: str) -> None:
    """Made, or handed on as it is; by its name, or behind that of its module."""
    text = MATTERS + HANDLER.format(name="Matter", function="matter", options="hidden=True")
    assert lacking(text, tested) == []


def test_all_that_is_missing_is_told(lacking: Callable[..., list[str]]) -> None:
    """In the order of the file, events aside."""
    event = "from twofold import Event\n" + MESSAGE.format(name="Mattered", base="Event")
    query = MESSAGE.format(name="GetMatter", base="Query[None]")
    handler = HANDLER.format(name="GetMatter", function="get_matter", options="")
    told = ["Matter handler", "Matter test", "GetMatter route", "GetMatter test"]
    assert lacking(MATTERS + query + event + handler, "nothing") == told


def test_a_base_class_of_messages_needs_nothing(lacking: Callable[..., list[str]]) -> None:
    """It is never sent."""
    text = MATTERS + MESSAGE.format(name="BigMatter", base="Matter")
    assert lacking(text + HANDLER.format(name="BigMatter", function="big", options="hidden=True"), "BigMatter") == []


def test_a_decider_is_offered_by_convention(lacking: Callable[..., list[str]]) -> None:
    """Nothing else can be said of its commands."""
    text = f"""{HEAD}
from twofold import Event, Outcome, Success
{MESSAGE.format(name="Happened", base="Event")}
@dataclass(frozen=True, kw_only=True)
class Matter(Command[None]):
    id: str
def decide(command: Matter, state: int) -> Outcome[Happened, str]: return [Happened()]
def evolve(state: int, event: Happened) -> int: return state + 1
module.decider(initial=int, decide=decide, evolve=evolve, stream="matter-{{id}}")
"""
    assert lacking(text, "Matter()") == []


def test_what_is_missing_is_told_in_words() -> None:
    """As an assertion shows it: where it is, and what to do."""
    (gap, *_) = uncovered(App("empty", database="memory:"), "tests.cli.shop", tests=Path(__file__).parent)
    assert repr(gap) == "tests.cli.shop.Sell has no handler: write one, or mount the module that has it"


def test_a_mistake_does_not_pass_for_complete(tmp_path: Path) -> None:
    """A package or a folder that is not there, or that has no tests, has no gaps either."""
    with pytest.raises(WiringError, match="there is no test in"):
        uncovered(App("empty", database="memory:"), "tests.cli.shop", tests=tmp_path)
    with pytest.raises(NotDiscovered):
        uncovered(App("empty", database="memory:"), "nowhere_to_be_found", tests=Path(__file__).parent)
