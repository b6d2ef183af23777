"""What an application needs beyond a plain installation is missed when it starts, and not when it is needed first."""

import sys
from dataclasses import dataclass
from typing import Any

import pytest

from twofold import App, Module, Query
from twofold.cache import Cache
from twofold.errors import MissingExtraError
from twofold.reliability import RateLimit

pytestmark = pytest.mark.anyio

REDIS = "redis://127.0.0.1:1/0"


@dataclass(frozen=True, kw_only=True)
class Look(Query[int]):
    pass


async def look(query: Look) -> int:
    return 7


@pytest.mark.parametrize(
    "options, package, extra",
    [
        ({"retry": 3}, "tenacity", "reliability"),
        ({"rate_limit": RateLimit("1/day", store=REDIS)}, "limits", "redis,reliability"),
        ({"cache": Cache("1m", store=REDIS)}, "redis", "redis"),
    ],
)
async def test_a_missing_extra_is_told_at_the_start(
    options: dict[str, Any], package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what is needed only when something is down, too."""
    ours = ("twofold.reliability._backoff", "twofold.reliability._stored", "twofold.cache._stored")
    for name in [name for name in sys.modules if name in ours or name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    module = Module("looking")
    module.register(Look, look, **options)
    with pytest.raises(MissingExtraError) as told:
        async with App("looking", modules=[module], database="memory:"):
            raise AssertionError("it has started")
    assert (told.value.package, told.value.extra) == (package, extra)
