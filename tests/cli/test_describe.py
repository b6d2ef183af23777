"""`twofold describe`: what is wired, for people, for pipes and for machines."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from tests.cli.conftest import Said
from tests.cli.served import ROOT
from twofold import App, Command, Event, EventBus, Module, event

Twofold = Callable[..., Said]
SHOP = "tests.cli.shop:app"


def test_a_pipe_gets_plain_stable_lines(twofold: Twofold) -> None:
    """Messages, handlers, dependencies, events and projections are aligned plain text, the same at every call."""
    said = twofold("describe", SHOP)
    assert said.code == 0
    assert said == twofold("describe", SHOP)
    lines = [line.split() for line in said.out.splitlines()]
    assert ["application", "shop"] in lines
    assert ["sell", "Result[UUID]", "tests.cli.shop.sell", "EventBus,", "Till"] in lines
    assert ["count_sales", "int", "tests.cli.shop.count_sales", "ReadSession"] in lines
    assert ["sold", "1", "sales", "tests.cli.shop.thank"] in lines
    assert ["sales", "async", "1", "sold", "sale"] in lines
    assert "\x1b" not in said.out


def test_machines_get_json(twofold: Twofold) -> None:
    """With --json it is one object with everything, the pipeline of every handler included."""
    described = json.loads(twofold("describe", SHOP, "--json").out)
    assert described["name"] == "shop"
    sell = next(one for one in described["handlers"] if one["message"] == "sell")
    assert sell["depends_on"] == ["EventBus", "Till"]
    assert sell["stages"] == [
        *("logging", "metrics", "audit", "validation", "idempotency", "conflicts", "transaction", "claim")
    ]


def test_a_terminal_gets_tables(twofold: Twofold, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal there are tables with the same cells."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    out = twofold("describe", SHOP).out
    assert "Commands" in out
    assert "count_sales" in out
    assert "list[str]" in out
    assert "│" in out


def test_an_unsound_application_is_not_described(twofold: Twofold) -> None:
    """With faults it exits with 2 and lists every one, as `run` does."""
    said = twofold("describe", "tests.cli.broken:app")
    assert said.code == 2
    assert said.out == ""
    assert "broken cannot start: 3 faults" in said.err


def test_the_variable_names_the_application(twofold: Twofold, monkeypatch: pytest.MonkeyPatch) -> None:
    """TWOFOLD_APP stands in for the argument."""
    monkeypatch.setenv("TWOFOLD_APP", SHOP)
    assert twofold("describe").out == twofold("describe", SHOP).out


def test_no_server_is_loaded_and_no_file_made(tmp_path: Path) -> None:
    """Describing an application imports neither a web framework nor a server, and does not open its database."""
    code = (
        "import sys; from twofold.cli import main\n"
        f"sys.argv = ['twofold', 'describe', '{SHOP}']\n"
        "try: main()\n"
        "finally: print(sorted({'fastapi', 'starlette', 'uvicorn'} & set(sys.modules)))"
    )
    environment = {"TWOFOLD_DATABASE": str(tmp_path / "shop.db")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert list(tmp_path.iterdir()) == []


def test_a_page_of_markdown_is_printed(twofold: Twofold) -> None:
    """A section for each module and each message, a row for each field; no text leaves its cell."""
    said = twofold("describe", "tests.cli.test_describe:app", "--markdown")
    assert said.code == 0
    assert said.out == (
        """# page

## page

### note

Command, `tests.cli.test_describe.Note`, handled by `tests.cli.test_describe.note`.

Note something.

| field | type | holds | default | |
|---|---|---|---|---|
| `kind` | one of a, b\\|c |  | required | This \\| or that. |
| `size` | integer | at least 1 | `1` |  |
| `pin` | text or nothing | secret | nothing |  |

- answers: `None`
- over HTTP: `POST /commands/note`
- may cause: `noted`
- idempotency: `Idempotency(key=None)`, by default

## Events

### noted

Event, version 2, `tests.cli.test_describe.Noted`.

- may be caused by: `note`
"""
    )
    assert twofold("describe", "tests.cli.test_describe:app", "--markdown", "--json").code == 2


@dataclass(frozen=True, kw_only=True)
class Note(Command[None]):
    """Note something."""

    kind: Annotated[Literal["a", "b|c"], Field(description="This |\nor that.")]
    size: Annotated[int, Field(ge=1)] = 1
    pin: str | None = None


@event(version=2)
@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    pass


async def note(command: Note, events: EventBus) -> None:
    """Note it."""
    await events.publish(Noted())


page = Module("page")
page.register(Note, note)
app = App("page", modules=[page])
