"""The page on brokers: its applications publish to a real server and consume from it, and print what the page shows."""

import os
import re
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from tests.cli.forked import finished
from tests.docs.test_example_pages import parsed
from tests.messaging.posting import Posted, posting
from tools.nats_server import running
from twofold import App
from twofold.cli._main import commands as twofold
from twofold.drivers.nats import NatsBroker
from twofold.drivers.nats._header import headers_of
from twofold.messaging import MemoryBroker

PAGE = (Path(__file__).parents[2] / "docs" / "brokers.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
(_, APPLICATION), (_, SCRIPT), (_, PRINTED) = BLOCKS[:3]
(_, CONSUMER), (_, BOTH), (_, RECORDED) = BLOCKS[3:6]
(_, IN_CODE), (_, IN_TESTS) = BLOCKS[6:]


def test_the_page_publishes_as_printed(tmp_path: Path) -> None:
    """What the client prints is what the page has."""
    assert printed_by(SCRIPT, tmp_path) == PRINTED


def test_the_page_consumes_as_printed(tmp_path: Path) -> None:
    """What the second service has in its log is what the page has."""
    assert printed_by(BOTH, tmp_path) == RECORDED


def printed_by(script: str, tmp_path: Path) -> str:
    """What a script prints, beside the applications of the page and with a server."""
    for name, code in (("shop.py", APPLICATION), ("billing.py", CONSUMER)):
        assert code.startswith(f"# {name}")
        (tmp_path / name).write_text(code)
    (tmp_path / "server").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD")}
    with running(tmp_path / "server") as server:
        environment["TWOFOLD_BROKER"] = server.url
        done = finished("-c", script, where=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_broker_is_made_in_code() -> None:
    """Nothing is reached by that."""
    names: dict[str, Any] = {}
    exec(IN_CODE, names)
    assert isinstance(names["broker"], NatsBroker)


def test_a_test_looks_at_what_was_published(tmp_path: Path) -> None:
    """As the page shows it."""
    (tmp_path / "shop.py").write_text(APPLICATION)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD")}
    script = f"""
import asyncio
from shop import *

async def main() -> None:
{indent(IN_TESTS, "    ")}
    print(len(broker.messages))

asyncio.run(main())
"""
    done = finished("-c", script, where=tmp_path, env=environment)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_what_is_typed_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of twofold that the page names takes what is typed, where it is known which application is meant."""
    monkeypatch.setenv("TWOFOLD_APP", "shop:app")
    typed = set(re.findall(r"`twofold ([a-z][^`]*)`", PAGE))
    assert len(typed) > 3
    for words in typed:
        parsed(twofold, words.split())


@pytest.mark.anyio
async def test_every_header_of_a_message_is_in_the_table() -> None:
    """And nothing else is."""
    broker = MemoryBroker()
    async with App("shop", modules=[posting()], database="memory:", broker=broker) as app:
        trace = {"traceparent": "00-a-b-01", "tracestate": "vendor=1"}
        await app.caller(tenant="acme", user_id="ann", trace=trace).publish(Posted(number=1))
        await app.settle()
    told = {
        name
        for row in re.findall(r"^\| (`ce-.*?|`Nats-.*?) \| ", PAGE, re.MULTILINE)
        for name in re.findall(r"`([\w-]+)`", row)
    }
    carried = headers_of(broker.messages[0])
    assert {*carried} == (told - {"ce-"}) | {"traceparent", "tracestate"}
    assert "ann" not in repr(carried)
