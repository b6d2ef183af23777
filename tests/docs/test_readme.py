"""What the README prints is what happens, and what it points at is there."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def block(language: str, containing: str) -> str:
    """The one block in a language that contains a text."""
    found: list[str] = [text for kind, text in BLOCKS if kind == language and containing in text]
    assert len(found) == 1, f"{len(found)} {language} blocks contain {containing!r}"
    return found[0]


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    """A folder with the application of the README as printed."""
    (tmp_path / "hello.py").write_text(block("python", "# hello.py"))
    return tmp_path


@pytest.fixture
def address(hello: Path) -> Iterator[str]:
    """Where `twofold run hello:app` serves it, on a free port."""
    command = [sys.executable, "-m", "twofold", "run", "hello:app", "--port", "0"]
    with subprocess.Popen(command, cwd=hello, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if found := re.search(r"http://\S+", line):
                yield found[0]
                break
        server.terminate()
        server.stdout.read()
        assert server.wait(20) == 0


def test_the_application_runs_from_python_as_printed(hello: Path) -> None:
    """The block that calls the application prints what the next block shows."""
    script = block("python", "asyncio.run(main())")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=hello, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode) == (block("text", "Success('Hello, Ada!')"), 0), done.stderr


def test_the_application_is_served_as_printed(address: str) -> None:
    """The request of the README, sent to `twofold run`, is answered as the README shows."""
    words = shlex.split(next(line for line in block("sh", "curl").splitlines() if line.startswith("curl")))
    path = next(word for word in words if word.startswith("localhost")).partition("/")[2]
    header, body = words[words.index("-H") + 1], words[words.index("-d") + 1]
    name, _, value = header.partition(": ")
    reply = httpx.request(words[words.index("-X") + 1], f"{address}/{path}", headers={name: value}, content=body)
    assert (reply.status_code, json.loads(block("text", '"Hello, Ada!"'))) == (200, reply.json())
    assert httpx.get(f"{address}/docs").status_code == 200
    assert httpx.get(f"{address}/metrics").status_code == 200


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_path_is_there(path: str) -> None:
    """Every link of the README leads to a file or folder of the project."""
    assert (ROOT / path).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make (\w+)", README))))
def test_every_make_target_is_there(target: str) -> None:
    """Every `make` command of the README is a target."""
    assert re.search(rf"^{target}\b.*:", (ROOT / "Makefile").read_text(), re.MULTILINE)
