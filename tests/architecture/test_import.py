"""What `import twofold` gives, and what it must not cost."""

import os
import subprocess
import sys

import pytest

import twofold

HEAVY = {
    "aiosqlite", "asyncpg", "click", "cryptography", "fastapi", "limits", "nats", "opentelemetry", "prometheus_client",
    "redis", "rich", "sqlalchemy", "sqlite3", "starlette", "structlog", "tenacity", "uvicorn",
    "twofold.cache", "twofold.cli", "twofold.drivers", "twofold.observability", "twofold.personal", "twofold.sql",
    "twofold.testing", "twofold.web",
}  # fmt: skip


_MOST = 2
"""How many times what its dependencies take: `make bench` has the figure, this notices a library that crept in."""


def test_the_front_pulls_in_no_driver_and_no_extra() -> None:
    """A bare `import twofold` loads no adapter room and no third party that belongs to one."""
    loaded = fresh_interpreter("import sys, twofold; print(*sys.modules)").split()
    assert "twofold" in loaded
    assert HEAVY.intersection(loaded) == set()


def test_the_front_lists_its_names() -> None:
    """`twofold.__all__` is sorted, free of repetition, and each of its names resolves."""
    assert list(twofold.__all__) == sorted(set(twofold.__all__))
    assert [name for name in twofold.__all__ if not hasattr(twofold, name)] == []


def test_the_front_has_what_a_handler_answers_for_who_has_asked() -> None:
    """Each error that says who may not, what is wrong with what was sent, and what is there or is not."""
    answers = {"Exists", "Forbidden", "Invalid", "NotFound", "Refused", "Unauthenticated"}
    assert answers - {*twofold.__all__} == set()


def test_the_test_kit_does_without_hypothesis() -> None:
    """Only its state machine needs it."""
    assert (
        fresh_interpreter("import sys; sys.modules['hypothesis'] = None; import twofold.testing; print('ok')") == "ok\n"
    )


def test_import_is_quick() -> None:
    """Importing twofold takes little more of the processor than asyncio, pydantic and dishka take by themselves."""
    floor = "import asyncio, dishka; from pydantic import BaseModel, TypeAdapter"
    fastest = {floor: float("inf"), "import twofold": float("inf")}
    for _ in range(10):
        for statement in fastest:
            fastest[statement] = min(fastest[statement], seconds(statement))
        if fastest["import twofold"] <= _MOST * fastest[floor]:
            return
    pytest.fail(f"{fastest}")


def seconds(statement: str) -> float:
    # The processor's time and not the wall's: other tests run beside this one.
    clock = "from time import process_time; started = process_time()"
    return float(fresh_interpreter(f"{clock}; {statement}; print(process_time() - started)"))


def fresh_interpreter(code: str) -> str:
    # Neither measured by coverage, nor made to compile everything anew each time.
    left_out = ("COV", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
