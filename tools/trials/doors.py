"""Every door that needs an extra says which one when it is missing; called with the names of those that are there."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from twofold import App, Command, Event, Module, Query, Rows, UnitOfWork
from twofold.cache import Cache
from twofold.errors import MissingExtraError
from twofold.reliability import RateLimit

THERE = frozenset(sys.argv[1:])
REDIS = "redis://127.0.0.1:1/0"
POSTGRES = "postgresql://127.0.0.1:1/nowhere"
SERVING = {"cli", "web", "observability"}
ROOMS = {
    "cli": "cli",
    "drivers.postgres": "postgres",
    "observability": "observability",
    "personal": "personal",
    "sql": "sql",
    "web": "web",
}


@dataclass(frozen=True, kw_only=True)
class Greet(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Look(Query[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Greeted(Event):
    pass


async def greet(command: Greet, unit: UnitOfWork) -> None:
    unit.append("greetings", Greeted())


async def look(query: Look) -> None:
    pass


def app(cache: dict[str, Any] | None = None, **options: Any) -> App:
    module = Module("doors")
    module.register(Greet, greet, **options)
    module.register(Look, look, **(cache or {}))
    return App("doors", modules=[module])


def start(app: App, *messages: object) -> None:
    async def started() -> None:
        async with app:
            for message in messages:
                await app.execute(message)

    asyncio.run(started())


def keep_rows() -> None:
    """A projection to a table, which takes SQLAlchemy to write down; so what stands for it here is a name."""
    rows = app()

    @rows.modules[0].projection("greeted", mode="inline", tables=["greeted"])
    class Greetings:
        def greeted(self, event: Greeted, rows: Rows) -> None:
            rows.add("greeted", {"id": 1}, times=1)

    if "sql" not in THERE:
        start(rows, Greet())


def run() -> None:
    """`twofold run`, which would serve where nothing is missing."""
    shell("run", "doors_app:app", *(["--help"] if SERVING <= THERE else []))


def shell(*words: str) -> None:
    """A command of the shell, with the extra that it says is missing as the error that it is."""
    command = [str(Path(sys.executable).with_name("twofold")), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    named = done.stderr.partition('pip install "twofold[')[2].partition("]")[0]
    if done.returncode == 2 and named:
        raise MissingExtraError(room="the command line", extra=named, package="some")
    if done.returncode:
        raise SystemExit(f"{words}: {done.stderr}")


DOORS: dict[str, tuple[set[str], Callable[[], object]]] = {
    **{f"twofold.{room}": ({extra}, partial(import_module, f"twofold.{room}")) for room, extra in ROOMS.items()},
    "App.http": ({"web"}, lambda: app().http()),
    "App.attach": ({"web"}, lambda: app().attach(import_module("fastapi").FastAPI() if "web" in THERE else None)),
    "database=": ({"postgres"}, lambda: App("doors", database=POSTGRES).check()),
    "key_database=": ({"personal"}, lambda: App("doors", key_database="keys.db").check()),
    "key_database= elsewhere": ({"personal", "postgres"}, lambda: App("doors", key_database=POSTGRES).check()),
    "rows": ({"sql"}, keep_rows),
    "retry=": ({"reliability"}, lambda: start(app(retry=3))),
    "rate_limit= in Redis": ({"redis", "reliability"}, lambda: start(app(rate_limit=RateLimit("1/day", store=REDIS)))),
    "cache= in Redis": ({"redis"}, lambda: start(app({"cache": Cache("1m", store=REDIS)}))),
    "twofold describe": ({"cli"}, lambda: shell("describe", "doors_app:app")),
    "twofold run": (SERVING, run),
}


def told(open_door: Callable[[], object]) -> MissingExtraError | None:
    try:
        open_door()
    except MissingExtraError as error:
        return error
    return None


os.environ["TWOFOLD_PERSONAL_KEY"] = "0f1e2d3c" * 8
Path("doors_app.py").write_text("from twofold import App\napp = App('doors')\n")
for name, (needs, open_door) in DOORS.items():
    missing, error = needs - THERE, told(open_door)
    named = set() if error is None else set(error.extra.split(","))
    if bool(missing) != bool(named & missing) or not named <= needs:
        raise SystemExit(
            f"{name} needs {needs}, of which {missing or 'nothing'} is missing, and says {named or 'nothing'}"
        )
