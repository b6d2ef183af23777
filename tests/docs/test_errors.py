"""The page about errors is what the code makes of it, and problems point at it."""

import re

import pytest
from fastapi import Depends, FastAPI

from tests.web.shop import client_of, shop_app
from tools.errors_page import PAGE, page
from twofold import Caller, Exists
from twofold.errors import TwofoldError

HEADINGS = re.findall(r"^## (\S+)$", PAGE.read_text(), re.MULTILINE)
BASE = "https://example.com/errors#"


def test_the_page_is_as_the_code_has_it() -> None:
    """Whoever adds an error, or changes what it says, runs `python -m tools.errors_page`."""
    assert PAGE.read_text() == page()


def test_every_code_is_one_heading() -> None:
    """So the address of the page, `#` and a code lead to it; codes of tests and applications are not there."""
    assert len(HEADINGS) == len(set(HEADINGS))
    assert {"version_conflict", "precondition_failed", "internal_error", "rate_limited"} <= set(HEADINGS)
    assert all(re.fullmatch(r"[a-z_]+", one) for one in HEADINGS)
    foreign = {one.code for one in TwofoldError.__subclasses__() if not one.__module__.startswith("twofold")}
    assert not foreign & set(HEADINGS)


@pytest.mark.anyio
async def test_each_code_is_a_page_of_an_application_too() -> None:
    """With what is said of it here."""
    app = shop_app()
    page()
    async with client_of(app, app.http()) as client:
        served = {code: await client.get(f"/problems/{code}") for code in HEADINGS}
    assert {code for code, answer in served.items() if answer.status_code != 200} == set()
    assert "What the message names does not exist." in served["not_found"].text
    assert "What the message names does not exist." in PAGE.read_text()


@pytest.mark.anyio
async def test_a_problem_points_at_the_page_that_is_named() -> None:
    """Whoever answers: an endpoint, HTTP itself, a route of one's own, and the last resort; by default a path."""
    app = shop_app()
    web = app.http(problems=BASE)
    web.add_api_route("/own", raises)
    async with client_of(app, web) as client:
        answers = [
            await client.post("/commands/fail", json={"how": "conflict"}),
            await client.post("/commands/fail", json={"how": "crash"}),
            await client.put("/commands/fail"),
            await client.get("/queries/nothing"),
            await client.post("/commands/fail", content=b"x", headers={"content-type": "text/plain"}),
            await client.get("/own"),
        ]
        types = [answer.json()["type"] for answer in answers]
    codes = [
        "version_conflict",
        "internal_error",
        "method_not_allowed",
        "not_found",
        "unsupported_media_type",
        "exists",
    ]
    assert types == [f"{BASE}{code}" for code in codes]
    assert set(codes) <= set(HEADINGS)
    for problems, expected in (({}, "/problems/exists"), ({"problems": BASE}, f"{BASE}exists")):
        other, app = FastAPI(), shop_app()
        app.attach(other, **problems)
        other.add_api_route("/own", raises)
        async with client_of(app, other) as client:
            assert (await client.get("/own")).json()["type"] == expected


def raises(caller: Caller = Depends()) -> None:  # noqa: B008  # how FastAPI is asked for it
    raise Exists("there is one")
