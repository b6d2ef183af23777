"""Fallbacks are proven at the start, like everything else that is only needed when something is away."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from twofold import App, Module, Query
from twofold.errors import Fault


@dataclass(frozen=True, kw_only=True)
class Name(Query[str]):
    """A name that begins like this."""

    begin: str = "a"


def faults(fallback: Any) -> list[Fault]:
    """What is wrong with an application whose query has a fallback."""
    module = Module("names")

    async def name(query: Name) -> str:
        return query.begin

    module.register(Name, name, fallback=fallback)
    return list(App("names", modules=[module], database="memory:").check())


def _of_two(query: Name, backup: str) -> str:
    return backup


def _by_keyword(query: Name, *, backup: str) -> str:
    return backup


def _of_a_number(query: Name) -> int:
    return 1


@pytest.mark.parametrize(
    "fallback,code,text",
    [
        ("nothing", "wrong_fallback", "cannot be called"),
        (_of_two, "wrong_fallback", "needs query, backup"),
        (_by_keyword, "wrong_fallback", "needs query, backup"),
        (_of_a_number, "broken_promise", "answers int, and its query promises str"),
    ],
)
def test_a_fallback_that_cannot_work_is_found_before_it_is_needed(fallback: Any, code: str, text: str) -> None:
    """At the start, and not when what it stands in for is away."""
    (fault,) = faults(fallback)
    assert (fault.code, text in fault.text) == (code, True), fault.text


@pytest.mark.parametrize("fallback", [str, lambda: "", partial(_of_two, backup=""), lambda query, more="": more])
def test_a_fallback_that_can_work(fallback: Any) -> None:
    """Of the query or of nothing, whatever else it may be given."""
    assert faults(fallback) == []
