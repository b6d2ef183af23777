"""The extra `standard`: `twofold run` serves an application over HTTP, with its numbers, until it is told to stop."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

Path("served.py").write_text("""
from dataclasses import dataclass
from twofold import App, Command, Module

greetings = Module("greetings")

@dataclass(frozen=True, kw_only=True)
class Greet(Command[str]):
    name: str

@greetings.handler
async def greet(command: Greet) -> str:
    return f"Hello, {command.name}!"

app = App("served", modules=[greetings])
""")


def read(request: str | Request) -> str:
    with urlopen(request, timeout=30) as answer:  # noqa: S310  # the address that our own process has printed
        return str(answer.read().decode())


command = [str(Path(sys.executable).with_name("twofold")), "run", "served:app", "--port", "0"]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
    assert server.stdout is not None
    address = next(found[0] for line in server.stdout if (found := re.search(r"http://\S+", line)))
    body = json.dumps({"name": "Ada"}).encode()
    greeting = read(Request(f"{address}/commands/greet", body, {"content-type": "application/json"}))  # noqa: S310
    numbers, document = read(f"{address}/metrics"), json.loads(read(f"{address}/openapi.json"))
    server.terminate()
    server.stdout.read()
assert (greeting, server.returncode) == ('"Hello, Ada!"', 0)
assert 'cqrs_command_total{message="greet",outcome="success"} 1.0' in numbers
assert "/commands/greet" in document["paths"]
