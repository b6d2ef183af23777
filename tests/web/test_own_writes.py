"""A client sees its own writes: commands give a position out, and queries take it."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from starlette.responses import Response

from tests.app.notes import Notes, Read, ReadLengths, Write, Wrote
from tests.web.shop import client_of
from twofold import App, Caller, CommandBus, EventBus, QueryBus
from twofold.web import resolve, respond

pytestmark = pytest.mark.anyio
POSITION, WAIT = "Twofold-Position", "Twofold-Wait"


async def test_what_was_written_is_seen_with_its_position() -> None:
    """Time and again, though the read model follows."""
    app = Notes().app(wait=30)
    async with client_of(app, app.http(max_wait=30)) as client:
        for number in range(1, 11):
            written = await client.post("/commands/write", json={"texts": [f"{number}"]})
            assert written.headers[POSITION] == str(number)
            read = await client.get("/queries/read", headers={POSITION: written.headers[POSITION]})
            assert len(read.json()) == number
            assert POSITION not in read.headers


async def test_only_what_was_committed_has_a_position() -> None:
    """Neither a refusal has one, nor a command that records nothing; what survives a refusal has."""
    app = Notes().app()
    async with client_of(app, app.http()) as client:
        refused = await client.post("/commands/write", json={"texts": ["a"], "refused": True})
        assert (refused.status_code, POSITION in refused.headers) == (400, False)
        assert POSITION not in (await client.post("/commands/write", json={})).headers
        survived = await client.post("/commands/write", json={"surviving": ["b"], "refused": True})
        assert (survived.status_code, survived.headers[POSITION]) == (400, "1")
        told = await client.post("/commands/write", json={"texts": ["c"]}, headers={POSITION: "1"})
        assert told.headers[POSITION] == "2"


@pytest.mark.parametrize("sent", ["x", "-1", "1.0", "", "9" * 30, "2", "²"])
async def test_a_position_that_cannot_be_is_refused(sent: str) -> None:
    """One that is no number, and one that the log has not come to; with the header's name."""
    app = Notes().app(wait=0)
    async with client_of(app, app.http()) as client:
        await client.post("/commands/write", json={"silent": True})
        for method, path in (("GET", "/queries/read"), ("POST", "/commands/write")):
            answer = await client.request(method, path, headers={POSITION.encode(): sent.encode()})
            assert answer.status_code == 400
            assert [error["field"] for error in answer.json()["errors"]] == [POSITION]
        assert (await client.get("/queries/read", headers={POSITION: "1"})).status_code == 200


@pytest.mark.parametrize("blanks", [" ", "\t ", "  "])
async def test_blanks_around_a_value_are_no_part_of_it(blanks: str) -> None:
    """Of a header (RFC 9110, 5.5), and not every server takes them off."""
    app = Notes().app(wait=30)
    async with client_of(app, app.http()) as client:
        await client.post("/commands/write", json={"texts": ["a"]})
        sent = {POSITION: f"{blanks}1{blanks}", WAIT: f"{blanks}20{blanks}"}
        read = await client.get("/queries/read", headers=sent)
        assert (read.status_code, read.json()) == (200, ["a"])


async def test_what_is_not_visible_in_time_is_a_503() -> None:
    """With a time to come back, and who is behind; a client may wait less than usual, and not longer than allowed."""
    notes = Notes()
    notes.held.add("texts")
    app = notes.app(wait=5)
    async with client_of(app, app.http(max_wait=0.05)) as client:
        await client.post("/commands/write", json={"texts": ["a"]})
        assert (await app.caller(position=1, wait=30).execute(ReadLengths())).is_success  # only the others are behind
        for headers, waited in (({}, "0.05"), ({WAIT: "0"}, "0"), ({WAIT: "0.01"}, "0.01"), ({WAIT: "5"}, "0.05")):
            answer = await client.get("/queries/read", headers={POSITION: "1", **headers})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            problem = answer.json()
            assert problem["code"] == "not_yet_visible"
            assert problem["detail"] == f"position 1 is not yet visible in texts (at 0) after {waited} s"
        assert (await client.get("/queries/read")).json() == []


@pytest.mark.parametrize("name, values", [(POSITION, ("1", "0")), (POSITION, ("1", "1")), (WAIT, ("5", "0"))])
async def test_what_is_said_twice_is_refused(name: str, values: tuple[str, ...]) -> None:
    """There is no telling which one counts, and a client is not to lose what it asked for; nothing is done."""
    app = Notes().app(wait=30)
    async with client_of(app, app.http(max_wait=30)) as client:
        await client.post("/commands/write", json={"texts": ["a"]})
        for method, path in (("GET", "/queries/read"), ("POST", "/commands/write")):
            refused = await client.request(method, path, headers=[(name, value) for value in values])
            (finding,) = refused.json()["errors"]
            assert (refused.status_code, finding["field"], finding["rule"]) == (400, name, "header")
            assert finding["message"] == "this can be given once"
        assert (await client.get("/queries/read", headers={POSITION: "1"})).json() == ["a"]


@pytest.mark.parametrize("sent", ["x", "-1", "nan", "inf", "1e3", ""])
async def test_a_wait_that_is_no_number_is_refused(sent: str) -> None:
    """With the header's name."""
    app = Notes().app()
    async with client_of(app, app.http()) as client:
        answer = await client.get("/queries/read", headers={WAIT: sent})
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == [WAIT]


@pytest.mark.parametrize("sent", ["1e9", "1000000000", "0.0000000001", ".5", "5.", "+5"])
async def test_a_number_that_is_no_wait_is_told_how_one_is_written(sent: str) -> None:
    """It is a number of seconds, so that is not what is wrong with it."""
    app = Notes().app()
    async with client_of(app, app.http()) as client:
        answer = await client.get("/queries/read", headers={WAIT: sent})
        (finding,) = answer.json()["errors"]
        assert (answer.status_code, finding["field"]) == (400, WAIT)
        assert finding["message"] == (
            "this is to be seconds in digits, such as 2.5: up to nine digits, and after a point up to nine more"
        )
        for longest in ("999999999", "0.000000001", "999999999.999999999"):
            assert (await client.get("/queries/read", headers={WAIT: longest})).status_code == 200


@pytest.mark.parametrize(
    "sent, applied",
    [
        ("wait=0", "wait=0"),
        ("respond-async, WAIT = 1;why=so", "wait=1"),
        ('wait="2", wait=0', "wait=2"),
        ("wait=99", "wait=3"),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("waiting=0", None),
        ("other; wait=0", None),
    ],
)
async def test_a_preferred_wait_is_followed(sent: str, applied: str | None) -> None:
    """By a query, up to what is allowed, and it is told so; what is not understood is ignored, as preferences are."""
    app = Notes().app(wait=0)
    async with client_of(app, app.http(max_wait=3)) as client:
        preferred = {"Prefer": sent}
        assert (await client.get("/queries/read", headers=preferred)).headers.get("preference-applied") == applied
        refused = await client.get("/queries/read", headers={**preferred, POSITION: "7"})
        assert refused.status_code == 400
        written = await client.post("/commands/write", json={"texts": ["a"]}, headers=preferred)
        assert "preference-applied" not in written.headers
        both = await client.get("/queries/read", headers={**preferred, WAIT: "1"})
        assert (both.status_code, "preference-applied" in both.headers) == (200, False)


async def test_who_prefers_to_wait_waits() -> None:
    """For what is not visible yet, and no longer: then it is a 503 that tells the same."""
    notes = Notes()
    notes.held.add("texts")
    app = notes.app(wait=30)
    async with client_of(app, app.http()) as client:
        await client.post("/commands/write", json={"texts": ["a"]})
        lines = [(POSITION, "1"), ("Prefer", "wait=0"), ("Prefer", "handling=strict")]
        answer = await client.get("/queries/read", headers=lines)
    assert (answer.status_code, answer.headers["preference-applied"]) == (503, "wait=0")
    assert answer.json()["detail"].endswith(" after 0 s")


class Desk:
    """A service that sends commands of its own."""

    def __init__(self, commands: CommandBus) -> None:
        self._commands = commands

    async def write(self, text: str) -> None:
        (await self._commands.execute(Write(texts=(text,)))).unwrap()


def attached() -> tuple[App, FastAPI]:
    """Routes of one's own, each of which writes and then reads."""
    app, web = Notes().app(wait=30), FastAPI()
    app.modules[0].provide(Desk, scope="app")
    app.attach(web, max_wait=30)

    @web.post("/caller")
    async def by_caller(caller: Annotated[Caller, Depends()]) -> Response:
        await caller.execute(Write(texts=("a",)))
        return respond(await caller.execute(Read()))

    @web.post("/buses")
    async def by_buses(commands: Annotated[CommandBus, Depends()], queries: Annotated[QueryBus, Depends()]) -> Response:
        await commands.execute(Write(texts=("a",)))
        return respond(await queries.execute(Read()))

    @web.post("/events")
    async def by_events(events: Annotated[EventBus, Depends()], queries: Annotated[QueryBus, Depends()]) -> Response:
        await events.publish(Wrote(text="a"))
        return respond(await queries.execute(Read()))

    @web.post("/service")
    async def by_service(
        desk: Annotated[Desk, Depends(resolve(Desk))], queries: Annotated[QueryBus, Depends()]
    ) -> Response:
        await desk.write("a")
        return respond(await queries.execute(Read()))

    @web.get("/read")
    async def read(queries: Annotated[QueryBus, Depends()]) -> Any:
        return respond(await queries.execute(Read()))

    return app, web


@pytest.mark.parametrize("path", ["/caller", "/buses", "/events", "/service"])
async def test_a_request_is_one_caller(path: str) -> None:
    """In routes of one's own too, whatever they send with: what one of them writes the others see, and the client."""
    app, web = attached()
    async with client_of(app, web) as client:
        written = await client.post(path)
        assert (written.json(), written.headers[POSITION]) == (["a"], "1")
        assert (await client.get("/read", headers={POSITION: "1"})).json() == ["a"]
        refused = await client.get("/read", headers={POSITION: "7"})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, POSITION)


async def test_both_headers_are_in_the_document() -> None:
    """Queries take both, and a command's success may have the one."""
    app = Notes().app()
    async with client_of(app, app.http(max_wait=7)) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    query, command = paths["/queries/read"]["get"], paths["/commands/write"]["post"]
    assert [(one["name"], one["in"], one["required"]) for one in query["parameters"][:2]] == [
        (POSITION, "header", False),
        (WAIT, "header", False),
    ]
    assert "7 at most" in query["parameters"][1]["description"]
    assert query["parameters"][2]["name"] == "Prefer"
    assert "Preference-Applied" in query["responses"]["200"]["headers"]
    assert [one["name"].lower() for one in command["parameters"]] == ["idempotency-key"]
    assert command["responses"]["204"]["headers"][POSITION]["schema"] == {"type": "integer"}
    assert POSITION not in query["responses"]["200"]["headers"]
