"""The page of each example: what it has typed is typed here, line by line, and does what the page says it does."""

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import httpx
import pytest
from fastapi import FastAPI

from examples.hostfactory.cli import main as hostfactory
from tests.web.streams import stream_of
from twofold import App, Principal
from twofold.app.sending import send, sendable
from twofold.cli._main import commands as twofold
from twofold.messages import Kind

pytestmark = pytest.mark.anyio
EXAMPLES = Path(__file__).parents[2] / "examples"
PAGES = {page.parent.name: page.read_text() for page in sorted(EXAMPLES.glob("*/README.md"))}
ASSIGNED = re.compile(r"(?P<name>[A-Z]+)=\$\((?P<line>.*) \| jq -r (?P<path>\S+)\)", re.DOTALL)


class Shell:
    """Types what a page shows, at an application that runs in this process."""

    def __init__(self, app: App, web: FastAPI, client: httpx.AsyncClient) -> None:
        self._app, self._web, self._client = app, web, client
        self._variables: dict[str, str] = {}

    async def type(self, line: str) -> None:
        """Run a line; it has to end well."""
        if assigned := ASSIGNED.fullmatch(line):
            found = await self._run(assigned["line"])
            for step in re.findall(r"\w+", assigned["path"]):
                found = found[int(step) if step.isdigit() else step]
            self._variables[assigned["name"]] = str(found)
        else:
            await self._run(line)

    async def _run(self, line: str) -> Any:
        for name, value in self._variables.items():
            line = line.replace(f"${name}", value)
        assert "$" not in line, line
        match shlex.split(line):
            case ["curl", *words]:
                return await self._curl(words)
            case ["twofold", "send" | "ask" as verb, target, message, *words]:
                assert target == f"examples.{self._app.name}:app"
                await self._send(Kind.COMMAND if verb == "send" else Kind.QUERY, message, words)
            case ["twofold", *words]:
                parsed(twofold, words)
            case [_, "python", "-m", "examples.hostfactory", *words]:
                parsed(hostfactory, words)
            case other:
                pytest.fail(f"nobody knows {other}")
        return None

    async def _curl(self, words: list[str]) -> Any:
        told = dict(zip(words, [*words[1:], ""], strict=True))
        headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
        (url,) = [word for word in words if word.startswith("localhost:8000/")]
        path = url.removeprefix("localhost:8000")
        if "-N" in words:
            async with stream_of(self._web, path) as stream:
                assert (await stream.event())["data"]
            return None
        answer = await self._client.request(told.get("-X", "GET"), path, headers=headers, content=told.get("-d"))
        assert answer.is_success, f"{urlsplit(path).path}: {answer.text}"
        return answer.json() if answer.content else None

    async def _send(self, kind: Kind, message: str, words: list[str]) -> None:
        wanted = sendable(self._app, message, kind)
        typed = {key.removeprefix("--").replace("-", "_"): value for key, value in pairs(words)}
        del typed["database"]
        who = typed.pop("as", None)
        principal = None if who is None else Principal(user_id=who)
        sent = await send(self._app, wanted, typed=typed, principal=principal)
        assert sent.result.is_success, sent.result


def pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    """Options with their values."""
    return zip(words[::2], words[1::2], strict=True)


def parsed(command: click.Command, words: list[str]) -> None:
    """See that a command takes its words; it is not run."""
    context = command.make_context(command.name, [*words])
    if isinstance(command, click.Group):
        name, below, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert below is not None, name
        parsed(below, rest)


def lines(page: str) -> Iterator[str]:
    """What is typed: a line may go on behind a backslash, or until its quotes are closed."""
    for block in re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        begun = ""
        for line in block.replace("\\\n", " ").splitlines():
            begun += line
            if begun.count("'") % 2 == 0:
                yield begun
                begun = ""


@pytest.mark.parametrize("example", PAGES)
async def test_what_is_typed_is_done(example: str, tmp_path: Path) -> None:
    """Every request is answered with success, every message is sent, every other command is one that there is."""
    app: App = importlib.import_module(f"examples.{example}").app
    app.use_database(tmp_path / "example.db")
    typed = list(lines(PAGES[example]))
    web = app.http()
    transport = httpx.ASGITransport(web)
    async with app, httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        shell = Shell(app, web, client)
        for line in typed:
            await shell.type(line)
            await app.settle()
    assert sum(line.startswith(("twofold send", "twofold ask")) for line in typed) >= 2
    assert any("curl" in line for line in typed)


def test_every_example_has_a_page_that_leads_somewhere() -> None:
    """Its links are files, and the README has it in its table."""
    table = (EXAMPLES.parent / "README.md").read_text()
    moved = {"moving"}  # docs/moving.md goes through it
    assert {*PAGES} | moved == {file.parent.name for file in EXAMPLES.glob("[a-z]*/__init__.py")}
    for example, page in PAGES.items():
        assert f"(examples/{example}/README.md)" in table
        for link in re.findall(r"\]\(([^)#:\s]+)\)", page):
            assert (EXAMPLES / example / link).exists(), link
