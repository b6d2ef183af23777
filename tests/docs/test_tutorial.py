"""The tutorial: its files are written and its commands run, step by step, and they say what the page shows."""

import asyncio
import itertools
import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from examples._demo.database import PostgresSchema
from examples._demo.server import caught_up
from tests.cli.forked import finished
from tests.cli.served import Served

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
ADDRESS = "postgresql://localhost/box_office"


def test_every_step_runs_as_printed(tmp_path: Path, postgres_schema: PostgresSchema) -> None:
    """From the first command to processes apart and PostgreSQL, with all that is answered on the way."""
    (tmp_path / "box_office").mkdir()
    (tmp_path / "box_office" / "__init__.py").touch()
    said = ""
    with httpx.Client() as client, ExitStack() as servers:
        reader = Reader(tmp_path, servers, client, postgres_schema.address)
        for language, text in BLOCKS[1:]:  # the first one installs twofold
            if language == "text":
                assert re.fullmatch(re.escape(text).replace("…", ".*"), said), said
            else:
                said = reader.follow(language, text)
    assert [language for language, _ in BLOCKS].count("text") == 9


@pytest.mark.parametrize(
    "page", ["README.md", "docs/tutorial.md", "src/twofold/cli/new/templates/project_readme.md.txt"]
)
def test_it_can_be_installed_from_a_clone(page: str) -> None:
    """Each page that installs twofold says how without a package index, with an extra that the clone has."""
    text = (ROOT / page).read_text()
    extras = set(re.findall(r'pip install "path/to/clone\[(\w+)\]"', text))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert ('"twofold[standard]"' in text, extras) == (True, {"standard"})
    assert extras <= project["optional-dependencies"].keys()


class Reader:
    """Somebody who does what the page says.

    Args:
        folder: Where they do it.
        servers: Ends what they have started.
        client: Speaks to that.
        database: The database that they have.
    """

    def __init__(self, folder: Path, servers: ExitStack, client: httpx.Client, database: str) -> None:
        self._folder = folder
        self._servers = servers
        self._database = database
        self._addresses = dict[str, str]()
        self._client = client
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD")}
        self._environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "NO_COLOR": "1"}
        self._environment["PYTEST_ADDOPTS"] = "-p anyio.pytest_plugin -p pytest_twofold -p no:cacheprovider"

    def follow(self, language: str, text: str) -> str:
        """Do what a block says, and return what is said to that."""
        if language == "python" and text.startswith("# "):
            self._write(*text.removeprefix("# ").split("\n", 1))
            return ""
        if language == "python":
            return self._run(["-c", text])
        if "--role" in text:
            self._servers.close()  # the page has the other one stopped
        return "".join(self._type(line) for line in text.splitlines())

    def _write(self, where: str, text: str) -> None:
        """A file, or what comes at the end of one."""
        path, _, more = where.partition(", ")
        file = self._folder / path
        before = file.read_text() if more else ""
        file.write_text(before + ("\n" if text.startswith(" ") else "\n\n") * bool(more) + text)

    def _type(self, line: str) -> str:
        command, *words = shlex.split(line)
        match command:
            case "export":
                name, _, value = words[0].partition("=")
                assert value == ADDRESS
                self._environment[name] = self._database
                return ""
            case "curl":
                return self._curl(words)
            case "cat":
                asyncio.run(self._wait_for_worker())
                return (self._folder / words[0]).read_text()
            case "python":
                return self._run(words)
            case _ if words[0] == "run":
                port = words[words.index("--port") + 1] if "--port" in words else "8000"
                self._addresses[port] = self._servers.enter_context(self._serving(words))
                return ""
            case _:
                return self._run(["-m", command, *words])

    def _run(self, words: list[str]) -> str:
        done = finished(*words, where=self._folder, env=self._environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def _serving(self, words: list[str]) -> Iterator[str]:
        with TemporaryDirectory() as place:
            with Served(*words[1:], folder=Path(place), where=self._folder, env=self._environment) as server:
                try:
                    yield server.address
                finally:
                    server.signal()
                    assert server.ended() == 0

    async def _wait_for_worker(self) -> None:
        async with httpx.AsyncClient(base_url=self._addresses["8001"]) as client:
            await caught_up(client)

    def _curl(self, words: list[str]) -> str:
        port, path = re.findall(r"localhost:(\d+)(\S+)", " ".join(words))[0]
        options = dict(itertools.pairwise(words))
        headers = dict(one.split(": ") for option, one in itertools.pairwise(words) if option == "-H")
        body = options.get("--json")
        if body is not None:
            headers["Content-Type"] = "application/json"
        reply = self._client.request(
            "GET" if body is None else "POST", self._addresses[port] + path, headers=headers, content=body
        )
        behind = options.get("-w", "").replace("\\n", "\n").replace("%{http_code}", str(reply.status_code))
        return reply.text + re.sub(r"%header\{([\w-]+)\}", lambda found: reply.headers[found[1]], behind)
