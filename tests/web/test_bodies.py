"""What a body may be: bounded, JSON, strict; and what is said about one that is not."""

import asyncio
import gzip
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.web.shop import SECRET, client_of, shop_app
from twofold import App, Command, Module
from twofold.web._body import read_object

pytestmark = pytest.mark.anyio
JSON = {"content-type": "application/json"}
PATH = "/commands/place_order"


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    app = shop_app()
    async with client_of(app, app.http(max_body=2000)) as client:
        yield client


@pytest.mark.parametrize(
    "body,rule",
    [
        (b'{"customer": "ada"', "json_invalid"),
        (b'{"customer": "ada"}x', "json_invalid"),
        (b'\xef\xbb\xbf{"customer": "ada"}', "json_invalid"),
        (b'{"customer": "\xff"}', "json_invalid"),
        (b'{"customer": "\\ud800"}', "json_invalid"),
        (b'{"customer": "ada", "lines": [' + b"1" * 1900 + b"e1]}", "json_number"),
        (b" ", "json_invalid"),
        (b"[]", "json_type"),
        (b'"ada"', "json_type"),
        (b"null", "json_type"),
        (b'{"customer": "ada", "customer": "bob"}', "json_duplicate"),
        (b'{"customer": "ada", "lines": [{"sku": "x", "sku": "y"}]}', "json_duplicate"),
        (b'{"customer": NaN}', "json_number"),
        (b'{"customer": -Infinity}', "json_number"),
        (b'{"customer": 1e999}', "json_number"),
        (b'{"customer": ' + b"[" * 32 + b"]" * 32 + b"}", "json_depth"),
        (b'{"customer": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}", "json_depth"),
        (b'{"customer": 1.5}', "string_type"),
        (b'{"customer": 1}', "string_type"),
        (b'{"lines": []}', "missing"),
        (b'{"customer": "ada", "id": 1}', "extra_forbidden"),
        (b'{"customer": "ada", "lines": [{"sku": "x", "version": 1}]}', "extra_forbidden"),
    ],
)
async def test_what_is_no_such_command_is_refused(client: httpx.AsyncClient, body: bytes, rule: str) -> None:
    """Broken JSON, wrong types, unknown and missing fields are 400, each with the rule that it breaks."""
    answer = await client.post(PATH, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (400, rule), answer.text


async def test_a_byte_order_mark_is_told(client: httpx.AsyncClient) -> None:
    """Nobody sees one in what they have sent, so it is named."""
    answer = await client.post(PATH, content=b'\xef\xbb\xbf{"customer": "ada"}', headers=JSON)
    told = answer.json()["errors"][0]["message"]
    assert (answer.status_code, told) == (400, "no valid JSON: the body begins with a byte order mark")


async def test_fields_beside_the_body_are_refused(client: httpx.AsyncClient) -> None:
    """What takes a body takes no query parameters, known or not: nobody is to think that they counted."""
    for query in ("amount=99", "customer=ada", "x"):
        answer = await client.post(f"/commands/place_order?{query}", json={"customer": "ada"})
        assert (answer.status_code, answer.json()["detail"]) == (
            400,
            "this takes no query parameters; its fields are in the body",
        )
    assert (await client.post("/commands/place_order?", json={"customer": "ada"})).status_code == 201


async def test_numbers_beyond_reason_are_refused() -> None:
    """An integer that is too long to be read is refused and is no crash."""
    app = shop_app()
    async with client_of(app, app.http()) as client:
        answer = await client.post(PATH, content=b'{"customer": ' + b"9" * 5000 + b"}", headers=JSON)
    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (400, "json_invalid")


async def test_values_beyond_number_are_refused_before_they_are_read() -> None:
    """A megabyte holds half a million of them; commas in a text are none."""
    app = shop_app()
    async with client_of(app, app.http()) as client:
        many = await client.post(PATH, content=body_of(100_001), headers=JSON)
        assert (many.status_code, many.json()["errors"][0]["rule"]) == (400, "json_values")
        text = await client.post(PATH, content=b'{"customer": "' + b"," * 200_000 + b'"}', headers=JSON)
        assert text.status_code == 201
    assert len(read_object(body_of(100_000))["lines"]) == 100_000


def body_of(values: int) -> bytes:
    return b'{"lines": [' + b"1," * (values - 1) + b"1]}"


async def test_brackets_in_strings_are_not_depth(client: httpx.AsyncClient) -> None:
    """Only real nesting counts, to the last level that is allowed."""
    text = '[{\\"' * 50
    deep = await client.post(PATH, content=b'{"customer": "%s"}' % text.encode(), headers=JSON)
    assert deep.status_code == 201
    level_32 = b'{"customer": ' + b"[" * 31 + b"]" * 31 + b"}"
    assert (await client.post(PATH, content=level_32, headers=JSON)).json()["errors"][0]["rule"] == "string_type"


async def test_findings_name_their_field(client: httpx.AsyncClient) -> None:
    """Every finding has the path of its field, and is listed; many are counted."""
    answer = await client.post(PATH, json={"lines": [{"sku": 1}, {"quantity": "many"}], "x": 1})
    document = answer.json()
    assert [one["field"] for one in document["errors"]] == [
        "customer",
        "lines.0.sku",
        "lines.1.sku",
        "lines.1.quantity",
        "x",
    ]
    assert document["detail"].endswith("; and 2 more")
    flood = await client.post(PATH, json={f"f{n}": 1 for n in range(100)})
    assert len(flood.json()["errors"]) == 50


async def test_a_problem_never_echoes_what_was_sent(client: httpx.AsyncClient) -> None:
    """A secret that breaks a rule is nowhere in the answer."""
    body = {"password": SECRET, "user": SECRET}
    answer = await client.post("/commands/change_password", json=body)
    assert answer.status_code == 401
    answer = await client.post(PATH, json={"customer": [SECRET], "lines": SECRET})
    assert answer.status_code == 400
    assert SECRET not in answer.text


async def test_not_one_character_of_a_value_gets_out(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever field it does not fit: neither in the body, nor in any line of the log, whoever reads the body."""
    runes = "ᚠᚢᚦᚨᚱᚲ"

    @dataclass(frozen=True, kw_only=True)
    class Send(Command[None]):
        id: UUID
        picture: bytes
        zone: ZoneInfo

    async def send(command: Send) -> None: ...

    module = Module("sending")
    module.handler(send)
    app = App("sending", modules=[module], database="memory:")
    web = app.http()

    async def own(number: UUID) -> None: ...

    web.add_api_route("/own/{number}", own)
    async with client_of(app, web) as client:
        with caplog.at_level("DEBUG"):
            sent = await client.post("/commands/send", json=dict.fromkeys(("id", "picture", "zone"), runes))
            routed = await client.get(f"/own/{runes}")
    assert [error["field"] for error in sent.json()["errors"]] == ["id", "picture", "zone"]
    assert [error["message"] for error in routed.json()["errors"]] == ["Input should be a valid UUID"]
    logged = [str(vars(record)) for record in caplog.records if record.name.startswith("twofold")]
    assert logged
    assert not {*runes} & set(str(sent.json()) + str(routed.json()) + "".join(logged))


@pytest.mark.parametrize(
    "body, kind, code",
    [
        (SECRET.encode(), "text/plain", "unsupported_media_type"),
        (b'"' + SECRET.encode() * 1000 + b'"', "application/json", "too_large"),
    ],
)
async def test_a_refused_request_leaves_a_line(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, body: bytes, kind: str, code: str
) -> None:
    """What was not read is logged too, by its correlation id and without what it held."""
    with caplog.at_level("INFO", logger="twofold.web"):
        answer = await client.post(PATH, content=body, headers={"content-type": kind})
    (record,) = caplog.records
    facts = vars(record)["twofold"]
    assert (facts["outcome"], facts["status"]) == (answer.json()["code"], answer.status_code)
    assert facts["outcome"] == code
    assert (facts["kind"], facts["correlation_id"]) == ("command", answer.headers["x-correlation-id"])
    assert SECRET not in str(vars(record))


@pytest.mark.parametrize("body", [b"{", b'{"customer": "ada", "password": "' + SECRET.encode() + b'"}'])
async def test_what_is_no_message_is_logged_like_one(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    """It has its line of the pipeline, and nothing of what it held is in there."""
    with caplog.at_level("INFO", logger="twofold"):
        answer = await client.post(PATH, content=body, headers={"content-type": "application/json"})
    failed = [one for one in map(vars, caplog.records) if one.get("twofold", {}).get("step") == "failed"]
    assert [one["twofold"]["outcome"] for one in failed] == ["invalid"]
    assert failed[0]["twofold"]["correlation_id"] == answer.headers["x-correlation-id"]
    assert SECRET not in str(list(map(vars, caplog.records)))


async def test_a_body_that_says_it_is_too_large_is_not_read(client: httpx.AsyncClient) -> None:
    """The announced length is enough to refuse a body."""

    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("was read")
        yield b""

    for length in ("2001", "9" * 30):
        headers = {**JSON, "content-length": length}
        answer = await client.post(PATH, content=unread(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_body_that_streams_too_much_is_cut(client: httpx.AsyncClient) -> None:
    """Without an announced length the limit holds too, and what comes after it is left unread."""
    sent: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        for number in range(1000):
            sent.append(number)
            yield b" " * 500

    answer = await client.post(PATH, content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert len(sent) <= 6


async def test_a_body_in_parts_is_one_body(client: httpx.AsyncClient) -> None:
    """However it is cut, it is read whole."""

    async def parts() -> AsyncIterator[bytes]:
        for part in (b'{"cust', b'omer": "a', b'da"}'):
            yield part

    assert (await client.post(PATH, content=parts(), headers=JSON)).status_code == 201


async def test_a_body_that_drips_is_late() -> None:
    """It is the whole of it that has to be there in time: a byte now and then wins nothing."""
    app = shop_app()

    async def dripping() -> AsyncIterator[bytes]:
        for _ in range(100):
            await asyncio.sleep(0.01)
            yield b" "

    async with client_of(app, app.http(patience=0.05)) as client:
        answer = await client.post(PATH, content=dripping(), headers=JSON)
    assert (answer.status_code, answer.json()["detail"]) == (408, "the body did not come whole in 0.05 seconds")


@pytest.mark.parametrize("version, closes", [("1.0", True), ("1.1", True), ("2", False), ("3", False)])
async def test_a_connection_is_closed_where_it_can_be(version: str, closes: bool) -> None:
    """One connection of HTTP/2 has many requests, and no such header (RFC 9113, 8.2.2)."""
    app = shop_app()
    web = app.http(patience=0.01)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": version,
        "method": "POST",
        "path": PATH,
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    async with app:
        await web(scope, receive, send)
    assert (sent[0]["status"], (b"connection", b"close") in sent[0]["headers"]) == (408, closes)


@pytest.mark.parametrize(
    "kind,status",
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("Application/JSON", 201),
        ("application/vnd.shop+json", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("text/x+json", 415),
        ("", 415),
    ],
)
async def test_only_json_is_understood(client: httpx.AsyncClient, kind: str, status: int) -> None:
    """A form or a text that happens to be JSON is refused, so that no page can have a browser send it unasked."""
    answer = await client.post(PATH, content=b'{"customer": "ada"}', headers={"content-type": kind})
    assert answer.status_code == status, answer.text


async def test_an_empty_form_is_no_command(client: httpx.AsyncClient) -> None:
    """Nothing at all is an empty message; a form, which any page can have a browser send, is none even when empty."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await client.post("/commands/promote")).status_code == 200
    assert (await client.post("/commands/promote", headers=form)).status_code == 415


@pytest.mark.parametrize(
    "path, text", [(PATH, b'{"customer": "ada"}'), ("/queries/search_orders", b'{"like": {"sku": "x"}}')]
)
async def test_an_encoded_body_is_not_read(client: httpx.AsyncClient, path: str, text: bytes) -> None:
    """It is told by its header, whatever is in it, and in however many lines that comes; identity is no encoding."""
    body = gzip.compress(text)
    for coding in ("gzip", "GZip", "br", "identity, gzip"):
        answer = await client.post(path, content=body, headers={**JSON, "content-encoding": coding})
        assert answer.status_code == 415, answer.text
        assert answer.json()["detail"] == "the body is encoded, as its header content-encoding says"
        assert answer.headers["content-type"] == "application/problem+json"
    lines = [*JSON.items(), ("content-encoding", "gzip"), ("content-encoding", "identity")]
    assert (await client.post(path, content=body, headers=lines)).status_code == 415
    answer = await client.post(path, content=text, headers={**JSON, "content-encoding": "Identity"})
    assert answer.is_success, answer.text
