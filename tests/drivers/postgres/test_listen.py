"""Listening for what other processes append, while the server is away."""

import asyncio
import logging
from typing import cast

import pytest

from twofold.drivers.postgres import _listen
from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._listen import Ear
from twofold.drivers.postgres._names import Names
from twofold.store import Bell

pytestmark = pytest.mark.anyio


async def test_an_outage_is_one_line(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """However often it is tried to listen again; the next tries are told at DEBUG."""
    monkeypatch.setattr(_listen, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(_listen, "_LAST_PAUSE", 0.002)
    tries, enough = list[int](), asyncio.Event()

    async def refuse() -> Connection:
        tries.append(1)
        if len(tries) == 4:
            enough.set()
        raise ConnectionRefusedError("nobody there")

    ear = Ear(refuse, cast("Names", None), Bell())
    with caplog.at_level(logging.DEBUG, logger="twofold.postgres"):
        ear.open()
        await enough.wait()
        await ear.close()
    assert [record.levelno for record in caplog.records[:3]] == [logging.WARNING, logging.DEBUG, logging.DEBUG]
