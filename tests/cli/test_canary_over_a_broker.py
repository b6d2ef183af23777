"""The canary again, where events leave over a broker and come to another application, which cannot deal with some."""

import asyncio
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.cli.cellar import receiving
from tests.cli.conftest import Said
from tests.cli.counter import GiveKey, sending
from tests.cli.test_canary import CANARY, HEADERS, SECRETS, said_over_http, told_of
from tests.drivers.nats.keeping import keeper
from tests.web.shop import client_of
from tools.nats_server import NatsServer, running
from twofold import App
from twofold.clock import new_id
from twofold.drivers.nats import NatsBroker
from twofold.messaging import Outgoing
from twofold.observability import OpenTelemetrySpans, configure_logging
from twofold.subscriptions import Trouble

pytestmark = pytest.mark.usefixtures("logging_as_before")

Twofold = Callable[..., Said]
PLACE = "vault"
PERSON = "nachtigall"
"""What is personal, and does not leave."""
TOKEN = "goldfink"
"""What is no secret and is called a token: it leaves, and is hidden where it is printed, but to be mended."""
STRANGE = "eisvogel"
"""What a stranger has sent as a password, in a message that is kept as it came."""
VAULT, CELLAR = "tests.cli.counter:app", "tests.cli.cellar:app"


class Watched:
    """An application, with what it tells of messages and of what fails.

    Args:
        app: The application.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self._more = asyncio.Event()
        self._troubles: list[str] = []
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        app.observe(spans=OpenTelemetrySpans(provider), observer=self._note)

    def _note(self, trouble: Trouble) -> None:
        parked = trouble.parked
        self._troubles += [told_of(trouble.error), *([] if parked is None else [parked.cause, parked.trace])]
        self._more.set()

    async def trouble(self, words: str) -> None:
        """Return once something has failed that says this."""
        async with asyncio.timeout(60):
            while not any(words in one for one in self._troubles):
                self._more.clear()
                await self._more.wait()

    async def told(self, client: httpx.AsyncClient) -> list[str]:
        """All that it tells while it runs."""
        app, spans = self.app, [span.to_json() for span in self._exporter.get_finished_spans()]
        assert spans
        paths = ("/metrics", "/health/live", "/health/ready", "/health/workers", "/openapi.json")
        answers = [await client.get(path, headers=HEADERS) for path in paths]
        shown = [app, app.assembly, app.assembly.broker, app.assembly.inboxes, app.parked, await app.progress()]
        outputs = [*self._troubles, *spans, *map(repr, shown), str(app.queues())]
        outputs += [str(entry) async for entry in app.audit.entries()]
        return outputs + [f"{answer.headers} {answer.text}" for answer in answers]


async def leave_and_come(sender: App, receiver: App, nats: NatsServer, url: str) -> tuple[list[str], list[str]]:
    """Send everything, at first while nobody keeps it, and have it come, until the server is gone.

    Returns:
        All that both told, and all that was on its way.
    """
    selling, buying = Watched(sender), Watched(receiver)
    async with keeper(url, PLACE) as keeps:
        async with client_of(sender, sender.http()) as client:
            outputs = await said_over_http(client)
            for key in (
                GiveKey(holder="7f3", name=PERSON, token=TOKEN),
                GiveKey(holder="9d1", name=PERSON, token=TOKEN * 1000),
            ):
                (await sender.caller(user_id="ada").execute(key)).unwrap()
            await selling.trouble("no stream keeps this subject")
            await keeps.keep()
            await sender.settle(timeout=60)
            outputs += await selling.told(client)
        await strange(url)
        async with client_of(receiver, receiver.http()) as client:
            await receiver.settle(timeout=60)
            messages = [f"{one.subject} {one.headers} {one.data!r}" for one in await keeps.raw()]
            nats.kill()
            await buying.trouble("none of nats://")
            outputs += await buying.told(client)
        return outputs, messages


async def strange(url: str) -> None:
    """Send what no class takes, as whoever may publish to the place."""
    secrets: dict[str, Any] = json.loads(json.dumps(SECRETS).replace(CANARY, STRANGE))
    broker = NatsBroker(url)
    for type_, body in (("stored", {**secrets, "name": {"api_key": STRANGE}}), ("key_given", {"token": [STRANGE]})):
        id_, stream = str(new_id()), f"strange-{type_}"
        facts = {"specversion": "1.0", "id": id_, "source": "/strange", "type": type_, "subject": stream}
        one = Outgoing(f"{PLACE}.{type_}", id_, stream, facts, json.dumps(body).encode())
        assert await broker.publish([one]) == [None]
    await broker.close()


def said_of(twofold: Twofold, app: str, messages: tuple[str, ...], *store: str) -> tuple[list[str], dict[str, str]]:
    """What the command line says of an application.

    Returns:
        All that it says but what it shows of parked events as they are; and that, by the subscription.
    """
    commands = [
        ("describe", app),
        ("describe", app, "--json"),
        ("graph", app, "--json"),
        ("doctor", app, "--json", *store),
        ("db", "status", app, *store),
        ("audit", "list", app, "--json", *store),
        ("audit", "export", app, *store),
        ("events", "tail", app, "--from", "0", "--type", "key_given", "--limit", "1", "--json", *store),
        ("parked", "list", app, *store),
        *(("explain", app, message) for message in messages),
    ]
    said = [twofold(*command) for command in commands]
    listed = twofold("parked", "list", app, "--events", "--json", *store)
    parked = [(one["subscription"], str(one["position"])) for one in json.loads(listed.out)]
    shown = [(name, twofold("parked", "show", app, name, position, *store)) for name, position in parked]
    assert all(one.code == 0 for one in (*said, listed, *(one for _, one in shown))), (said, listed)
    outputs = [one.out + one.err for one in (*said, listed)]
    return outputs, {name: "".join(one.out + one.err for name_, one in shown if name_ == name) for name, _ in shown}


def found(texts: Iterable[str], *words: str) -> list[str]:
    """The lines that have a word, as it is or in hexadecimal digits."""
    hidden = [form for word in words for form in (word, word.encode().hex())]
    return [line for text in texts for line in text.splitlines() if any(one in line for one in hidden)]


def test_no_message_and_no_output_of_either_side_holds_a_secret(
    twofold: Twofold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what is on its way or is kept there, nor what either side says, whatever fails in between."""
    monkeypatch.setenv("TWOFOLD_PERSONAL_KEY", "a-key-of-a-test-with-more-than-32-characters")
    lines, server, kept = io.StringIO(), tmp_path / "server", tmp_path / "kept"
    configure_logging(format="json", level="DEBUG", stream=lines)
    server.mkdir()
    kept.mkdir()
    with running(server, "max_payload: 4096", f'authorization {{ user: ada, password: "{CANARY}" }}') as nats:
        url = nats.url.replace("//", f"//ada:{CANARY}@")
        settings = {"key_database": str(kept / "keys.db"), "broker": url}

        def fresh() -> tuple[App, App]:
            sender = sending(PLACE, database=str(kept / "vault.db"), **settings)
            return sender, receiving(PLACE, database=str(kept / "cellar.db"), **settings)

        told, messages = asyncio.run(leave_and_come(*fresh(), nats, url))
        sender, receiver = fresh()
        monkeypatch.setattr("tests.cli.counter.app", sender)
        monkeypatch.setattr("tests.cli.cellar.app", receiver)
        left = said_of(twofold, VAULT, ("store", "give_key"), "--database", str(kept / "vault.db"))
        came = said_of(twofold, CELLAR, ("stored", "key_given"), "--database", str(kept / "cellar.db"))
    assert found(told, CANARY, PERSON, TOKEN, STRANGE) == []
    assert found([lines.getvalue()], CANARY, PERSON, TOKEN, STRANGE) == []
    assert found(messages, CANARY, PERSON) == []
    assert found(left[0], CANARY, TOKEN) == []
    assert found(left[1].values(), CANARY) == []
    assert found(came[0], CANARY, PERSON, TOKEN, STRANGE) == []
    assert found(came[1].values(), CANARY, PERSON) == []
    files = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and file.name != "nats.conf"}
    assert [file for file, content in files.items() if any(one.encode() in content for one in (CANARY, PERSON))] == []

    assert any(TOKEN in one for one in messages)
    assert any(TOKEN.encode() in content for file, content in files.items() if server in file.parents)
    assert all(text in lines.getvalue() for text in ("crashed", "storing", "carrying", "noting"))
    assert all(one in left[1][f"relay:{PLACE}"] for one in ("the server allows 4096", TOKEN))  # to be mended
    assert STRANGE in came[1][f"inbox:{PLACE}"]
    assert {"cellar.carry:stored", "cellar.note:key_given"} <= came[1].keys()
