"""A canary: a secret is sent down every path, and then looked for in everything that comes out of the other end."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis.asyncio import Redis

from examples._demo.database import Database, SqliteFile
from tests.cli.conftest import Said
from tests.cli.served import BOUND, Served
from tests.cli.vault import authenticate, vault
from tests.web.shop import client_of
from twofold import App, Module, Query, Secret
from twofold.app.description import describe
from twofold.app.explanation import explain
from twofold.cache import Cache
from twofold.drivers.postgres._connection import Server
from twofold.errors import StoreUnavailable, WiringError
from twofold.messages import Origin
from twofold.observability import LogFormat, OpenTelemetrySpans, configure_logging
from twofold.reliability import RateLimit

pytestmark = pytest.mark.usefixtures("logging_as_before")

Twofold = Callable[..., Said]
CANARY = "kanarienvogel"
VAULT = "tests.cli.vault:app"
SECRETS: dict[str, Any] = {
    "phrase": CANARY,
    "password": CANARY,
    "key": CANARY,
    "codes": [{"number": CANARY}],
    "details": {"apiKey": CANARY, "deep": [{"access_token": CANARY}]},
}
HEADERS = {"Authorization": f"Bearer {CANARY}", "Idempotency-Key": CANARY}


@pytest.fixture(autouse=True)
def an_application_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each test: the command line keeps what it was told of databases and roles in the one that it loads."""
    monkeypatch.setattr("tests.cli.vault.app", App("vault", modules=[vault], authenticate=authenticate))


def address_of(database: Database) -> str:
    """Its address, with the canary as the password where it has one: the server asks for none."""
    return database.address.replace("postgres:@", f"postgres:{CANARY}@")


async def said_over_http(client: httpx.AsyncClient) -> list[str]:
    """What is answered to everything that may be sent, with all headers."""
    bodies: list[Any] = [
        {"name": "chair", **SECRETS},
        {"name": "unspeakable", **SECRETS},
        {"name": "full", **SECRETS, "then": "refuse"},
        {"name": "broken", **SECRETS, "then": "crash"},
        {"name": "statement", **SECRETS, "then": "null"},
        {"name": "statement", **SECRETS, "then": "type"},
        {"name": "statement", **SECRETS, "then": "text"},
        {"name": "wrong", **SECRETS, "size": "large"},
        {"name": "wrong", **SECRETS, "phrase": {"deep": CANARY}, "codes": CANARY, "password": [CANARY]},
        {"name": "wrong", "other": CANARY, "size": CANARY},
        {"name": "wrong", "codes": [{"number": CANARY, "other": CANARY}]},
    ]
    answers = list[httpx.Response]()
    for nth, body in enumerate(bodies):
        key = {**HEADERS, "Idempotency-Key": f"{CANARY}-{nth}"}
        answers += [await client.post("/commands/store", json=body, headers=key) for _ in range(2)]
    again = {**HEADERS, "Idempotency-Key": f"{CANARY}-0"}
    answers.append(await client.post("/commands/store", json={"name": "other", **SECRETS}, headers=again))
    answers.append(await client.post("/commands/store", json={"name": "x"}, headers={"Idempotency-Key": CANARY * 30}))
    answers.append(await client.post("/commands/store", content=f'{{"phrase": "{CANARY}', headers=HEADERS))
    answers.append(await client.post("/commands/store", content=CANARY, headers={"Content-Type": CANARY}))
    answers.append(await client.post("/commands/store", json=SECRETS, headers={"Authorization": f"{CANARY} wrong"}))
    answers.append(await client.post("/commands/store", json=SECRETS, headers={"Twofold-Position": CANARY}))
    answers.append(await client.post("/queries/look", json={"phrase": CANARY, "password": CANARY}, headers=HEADERS))
    answers.append(await client.get("/queries/look", params={"phrase": CANARY, "password": CANARY}))
    answers.append(await client.get("/queries/look", params={"phrase": CANARY, "other": CANARY}))
    statuses = {answer.status_code for answer in answers}
    assert {200, 400, 401, 409, 415, 500} <= statuses, statuses
    for path in ("/metrics", "/health/live", "/health/ready", "/health/workers", "/openapi.json", "/docs"):
        answers.append(await client.get(path))
    return [f"{answer.headers} {answer.text}" for answer in answers]


async def use(app: App) -> list[str]:
    """Send everything, and give all that was answered, traced, kept and shown."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app.observe(spans=OpenTelemetrySpans(provider))
    async with client_of(app, app.http()) as client:
        outputs = await said_over_http(client)
        await app.settle()
        outputs += [str(await app.progress()), str(app.queues())]
        outputs += [str(entry) async for entry in app.audit.entries()]
        shown = [app, app.store, app.stores, app.assembly, app.commands, app.parked, app.caller(idempotency_key=CANARY)]
        outputs += [repr(one) for one in shown]
        outputs += [str(describe(app)), str(explain(app, "store")), str(explain(app, "look"))]
    spans = exporter.get_finished_spans()
    assert len(spans) > 10
    return outputs + [span.to_json() for span in spans]


async def rows_of(database: Database) -> list[str]:
    """Every row of every table of a schema, as text; bytes are in hexadecimal digits there."""
    tables = await database.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    )
    assert len(tables) > 5
    return [str(row) for (name,) in tables for row in await database.rows(f'SELECT t::text FROM "{name}" AS t')]


def ending(twofold: Twofold, code: int, *words: str) -> Said:
    """A command line that ends with this code."""
    said = twofold(*words)
    assert said.code == code, (words, said)
    return said


def said_by_deeds(twofold: Twofold, store: tuple[str, ...], folder: Path) -> Iterator[Said]:
    """What the command line says that sends, replays, closes and writes files."""

    def sent(code: int, **fields: Any) -> Said:
        body = json.dumps({"name": "typed", **SECRETS, **fields})
        return ending(twofold, code, "send", VAULT, "store", "--data", body, "--key", CANARY, *store)

    yield from (sent(0), sent(0), sent(5, name="other"))
    yield ending(twofold, 3, "send", VAULT, "store", "--name", "full", "--then", "refuse", "--phrase", CANARY, *store)
    yield ending(twofold, 3, "send", VAULT, "store", "--name", "x", "--size", CANARY, "--json", *store)
    yield ending(twofold, 70, "send", VAULT, "store", "--name", "x", "--then", "crash", "--phrase", CANARY, *store)
    listed = ending(twofold, 0, "audit", "list", VAULT, "--message", "store", "--oldest", "--json", *store)
    entry = json.loads(listed.out)[0]["message_id"]
    yield ending(twofold, 0, "audit", "show", VAULT, entry, *store)
    yield ending(twofold, 0, "audit", "show", VAULT, entry, "--json", *store)
    paths = ("phrase", "password", "key", "codes.0.number", "details.apiKey", "details.deep.0.access_token")
    given = [word for path in paths for word in ("--set", f"{path}={CANARY}")]
    # Its row is there already, which a database complains of with what it was given.
    yield ending(twofold, 1, "audit", "replay", VAULT, entry, *given, *store)
    yield ending(twofold, 1, "audit", "replay", VAULT, entry, *given, "--json", *store)
    yield ending(twofold, 0, "audit", "export", VAULT, *store)
    yield ending(twofold, 0, "stream", "show", VAULT, "chest-chair", *store)
    yield ending(twofold, 0, "stream", "state", VAULT, "chest-chair", *store)
    yield ending(twofold, 0, "stream", "archive", VAULT, "chest-chair", "--to", str(folder / "a"), "--yes", *store)
    yield ending(twofold, 0, "schema", "snapshot", VAULT, str(folder / "events.json"), "--from-log", *store)
    yield ending(twofold, 0, "ask", VAULT, "look", "--phrase", CANARY, "--password", CANARY, *store)
    yield ending(twofold, 3, "ask", VAULT, "look", "--data", f'{{"phrase": ["{CANARY}"]}}', *store)


@pytest.mark.parametrize("format, apart", [("console", False), ("json", True)])
def test_no_output_and_no_table_holds_a_secret(
    format: LogFormat,  # noqa: A002  # as the option is called
    apart: bool,
    each_database: Database,
    twofold: Twofold,
    tmp_path: Path,
) -> None:
    """Not what is answered, logged, traced, counted, audited, parked, described or kept, however a message ends."""
    lines, address = io.StringIO(), address_of(each_database)
    configure_logging(format=format, level="DEBUG", stream=lines)
    read = str(tmp_path / "read.db") if apart else None
    app = App("vault", modules=[vault], authenticate=authenticate, database=address, read_database=read)
    outputs = asyncio.run(use(app))
    store = ("--database", address, *(() if read is None else ("--read-database", read)))
    commands = [
        ("parked", "list", VAULT, *store),
        ("audit", "list", VAULT, "--json", *store),
        ("audit", "list", VAULT, *store),
        ("audit", "verify", VAULT, *store),
        ("db", "status", VAULT, *store),
        ("db", "sql", VAULT, *store),
        ("projections", "list", VAULT, *store),
        ("describe", VAULT),
        ("describe", VAULT, "--json"),
        ("describe", VAULT, "--markdown"),
        ("graph", VAULT, "--json"),
        ("doctor", VAULT, "--json", *store),
        ("events", "tail", VAULT, "--from", "0", "--limit", "5", "--json", *store),
        ("explain", VAULT, "store"),
    ]
    said = {" ".join(command): twofold(*command) for command in commands}
    listed = twofold("parked", "list", VAULT, "--json", *store)
    assert listed.code == 0, listed
    for parked in json.loads(listed.out):
        name = parked["subscription"]
        said[f"parked show {name}"] = twofold("parked", "show", VAULT, name, str(parked["position"]), *store)
    assert all(one.code == 0 for one in said.values()), said
    outputs += [one.out + one.err for one in (*said.values(), *said_by_deeds(twofold, store, tmp_path))]
    outputs.append(lines.getvalue())
    hidden = f"{CANARY} {CANARY.encode().hex()}".split()
    outputs += [] if isinstance(each_database, SqliteFile) else asyncio.run(rows_of(each_database))
    found = [line for text in outputs for line in text.splitlines() if any(one in line for one in hidden)]
    assert found == []
    assert "nobody to tell" in said["parked show vault.tell:stored"].out
    assert "no word for it" in said["parked show inventory"].out
    assert all(text in lines.getvalue() for text in ("crashed", "storing", "nobody near"))
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(CANARY.encode() in content for content in files)
    assert any(b"unspeakable" in content for content in files)


def test_a_process_says_answers_and_keeps_no_secret(each_database: Database, tmp_path: Path) -> None:
    """`twofold run`, with all its lines, its numbers, its streams and its files."""
    databases = ("--database", address_of(each_database), "--read-database", str(tmp_path / "read.db"))
    with Served(VAULT, *databases, "--log-level", "debug", "--log-format", "json", folder=tmp_path) as served:
        outputs = asyncio.run(said_to(served.address))
        served.signal()
        assert served.ended() == 0
    assert all(text in served.errors for text in ("crashed", "storing", "nobody near", "parked an event"))
    outputs += [] if isinstance(each_database, SqliteFile) else asyncio.run(rows_of(each_database))
    found = [line for text in outputs for line in text.splitlines() if CANARY in line or CANARY.encode().hex() in line]
    assert found == []
    files = {file.name: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert {"stdout", "stderr", "read.db"} <= set(files)
    assert [name for name, content in files.items() if CANARY.encode() in content] == []


async def said_to(address: str) -> list[str]:
    """What a process answers to everything that may be sent, and the beginning of a stream."""
    async with httpx.AsyncClient(base_url=address, timeout=BOUND) as client:
        outputs, wanted = await said_over_http(client), {**HEADERS, "Accept": "text/event-stream"}
        async with client.stream("GET", "/queries/count", params={"phrase": CANARY}, headers=wanted) as answer:
            assert answer.status_code == 200
            outputs.append(f"{answer.headers} {await anext(answer.aiter_text())}")
        return outputs


@pytest.mark.anyio
async def test_what_processes_share_in_redis_holds_no_secret(redis_url: str) -> None:
    """Answers that are kept there, and what limits count there."""
    module = Module("shared")

    @module.handler(cache=Cache("1m", store=redis_url), rate_limit=RateLimit("100/minute", store=redis_url))
    async def ask(query: Ask) -> int:
        return len(query.phrase)

    async with App("shared", modules=[module], database="memory:") as app:
        for _ in range(2):
            assert (await app.caller(user_id="ada").execute(Ask(phrase=CANARY, password=CANARY))).is_success
    async with Redis.from_url(redis_url) as redis:
        kept = {name: await redis.dump(name) for name in await redis.keys("*")}
    assert len(kept) >= 2
    assert not any(CANARY in f"{name!r} {value!r}" for name, value in kept.items())


def told_of(error: BaseException | None) -> str:
    """An error with all that it comes from."""
    chain = list[str]()
    while error is not None:
        chain += [str(error), repr(error), *getattr(error, "__notes__", [])]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(chain)


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://ada:{CANARY}@127.0.0.1:1/shop",
        f"postgresql://ada:{CANARY}@127.0.0.1:1/shop?pool_size=none",
        f"postgresql://ada:{CANARY}@127.0.0.1:none/shop",
        f"postgresql://ada@127.0.0.1:1/shop?password={CANARY}&readers=0",
        f"mysql://ada:{CANARY}@127.0.0.1/shop",
    ],
)
def test_an_address_that_does_not_work_is_not_told_with_its_password(address: str, twofold: Twofold) -> None:
    """Neither by the error and what it comes from, nor on the command line."""
    said = [twofold(*command, "--database", address) for command in (("db", "status", VAULT), ("audit", "list", VAULT))]
    assert not any(CANARY in one.out + one.err for one in said)
    assert all(one.code for one in said)

    async def start() -> None:
        async with App("vault", modules=[vault], database=address):
            pass

    with pytest.raises((StoreUnavailable, WiringError)) as caught:
        asyncio.run(start())
    assert CANARY not in told_of(caught.value)


def test_settings_and_metadata_do_not_show_what_is_secret_in_them() -> None:
    """The address of a shared limit, a key, an address of a server."""
    module = Module("limited")

    @module.handler(rate_limit=RateLimit("5/second", store=f"redis://:{CANARY}@127.0.0.1/0"))
    async def ask(query: Ask) -> int:
        return 1

    app = App("limited", modules=[module], database="memory:")
    shown = [str(explain(app, "ask")), str(describe(app)), repr(Origin(idempotency_key=CANARY)), repr(app.assembly)]
    shown.append(
        repr(Server(dsn=f"postgresql://ada:{CANARY}@127.0.0.1/shop", connect_timeout=1, lock_timeout=1, read_timeout=1))
    )
    assert not any(CANARY in one for one in shown)


@dataclass(frozen=True, kw_only=True)
class Ask(Query[int]):
    """A query."""

    phrase: Annotated[str, Secret] = ""
    password: str = ""
