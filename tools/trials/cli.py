"""The extra `cli`: an application looked at and used from a shell, and a project written."""

import subprocess
import sys
from pathlib import Path

Path("hello.py").write_text('''
from dataclasses import dataclass
from twofold import App, Command, Module

greetings = Module("greetings")

@dataclass(frozen=True, kw_only=True)
class Greet(Command[str]):
    """Greet somebody."""
    name: str

@greetings.handler
async def greet(command: Greet) -> str:
    return f"Hello, {command.name}!"

app = App("hello", modules=[greetings])
''')


def twofold(*words: str) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("twofold")), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


assert "greet" in twofold("describe", "hello:app")
assert "Hello, Ada!" in twofold("send", "hello:app", "greet", "--name", "Ada")
assert "success" in twofold("audit", "list", "hello:app")
assert "greet" in twofold("describe", "hello:app", "--markdown")
twofold("new", "project", "shop")
assert "twofold[" in Path("shop/pyproject.toml").read_text()
