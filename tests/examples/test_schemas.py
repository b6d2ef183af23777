"""Every example answers whatever its API document allows, and refuses what it does not, as the document says."""

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS, load_all_checks
from sqlalchemy import Engine, create_engine

from examples import courses, hostfactory, orders, providers
from examples.accounts import accounts
from examples.accounts.passwords import ScryptPasswords
from examples.accounts.services import Passwords
from examples.hostfactory import rest
from examples.moving import after, attached, reading, writing
from examples.moving.tables import Base
from examples.providers import door
from tests.web.serving import served
from twofold import App, Invalid
from twofold.messages import MessageType

CASES = 4
"""For each operation and mode: many would be found slowly, and the same each time."""

EVE = {"email": "eve@example.com", "name": "Eve", "password": "correct horse 9"}


class Api(NamedTuple):
    """What is tried.

    Args:
        make: Makes it, on a database.
        door: The path at which a user has a token; none when nobody is asked who they are.
        ours: Whether twofold has written its document, and not FastAPI, which knows nothing of refusals.
    """

    make: Callable[[Path], FastAPI]
    door: str = ""
    ours: bool = True


def of(app: App) -> Callable[[Path], FastAPI]:
    """An application, as `twofold run` serves it."""

    def make(database: Path) -> FastAPI:
        app.use_database(database)
        web: FastAPI = app.http()
        return web

    return make


def accounts_app() -> App:
    """Accounts, whose passwords cost little."""
    app = accounts(database="memory:")
    app.override(Passwords, ScryptPasswords(cost=2))
    return app


def beside(app: App, api: FastAPI) -> Callable[[Path], FastAPI]:
    """An API of one's own, that an application is attached to."""

    def make(database: Path) -> FastAPI:
        app.use_database(database)
        return api

    return make


def moving(library: Callable[[Engine, str], FastAPI]) -> Callable[[Path], FastAPI]:
    """A stage of the library, on the tables of the old application."""

    def make(database: Path) -> FastAPI:
        engine = create_engine(f"sqlite:///{database}")
        Base.metadata.create_all(engine)
        return library(engine, str(database))

    return make


APIS = {
    "accounts": Api(of(accounts_app()), "/sign-in"),
    "courses": Api(of(courses.app)),
    "hostfactory": Api(of(hostfactory.app)),
    "orders": Api(of(orders.app)),
    "providers": Api(of(providers.app), "/sessions"),
    "moving.after": Api(moving(lambda _, database: after.library(database))),
    "hostfactory.rest": Api(beside(hostfactory.app, rest.api), ours=False),
    "providers.door": Api(beside(providers.app, door.api), "/sessions", ours=False),
    "moving.attached": Api(moving(attached.library), ours=False),
    "moving.writing": Api(moving(writing.library), ours=False),
    "moving.reading": Api(moving(reading.library), ours=False),
}


@pytest.mark.faults
@pytest.mark.parametrize("name", APIS)
def test_what_the_document_says_is_what_is_answered(name: str, tmp_path: Path) -> None:
    """No server error, and no status, content type, header or body that is not described; no wrong input is accepted.

    Nor is anybody let in without a token, or with a wrong one, where the document wants one. A rule of the domain
    refuses input that fits the document, so it is not asked that all of that be accepted.
    """
    api = APIS[name]
    web = api.make(tmp_path / "example.db")
    schema = schemathesis.openapi.from_dict(web.openapi())
    with served(web) as (address, _):
        wait_for_workers(address)
        headers = signed_in(address, api.door) if api.door else {}
        for found in schema.get_all_operations():
            operation = cast("Any", found).ok()
            statuses = set[int]()
            for mode in schemathesis.GenerationMode:
                with contextlib.suppress(Unsatisfiable):  # where nothing can be sent, nothing wrong can be
                    _try(operation, mode, address, headers, statuses, ours=api.ours)
            assert statuses != {401}, f"{operation.label} lets in nobody with a token"


def wait_for_workers(address: str) -> None:
    """Until somebody owns every projection: before that, an application is not well, and says so by 503."""
    until = time.monotonic() + 30
    while httpx.get(f"{address}/health/workers").status_code == 503:
        assert time.monotonic() < until, "the workers of the example do not begin"


def signed_in(address: str, door: str) -> dict[str, str]:
    """The headers of a user who has a token."""
    user = EVE if door == "/sign-in" else {name: EVE[name] for name in ("email", "password")}
    assert httpx.post(f"{address}/users", json=user).status_code == 201
    opened = httpx.post(f"{address}{door}", json={name: EVE[name] for name in ("email", "password")})
    assert opened.is_success, opened.text
    told = opened.json()
    return {"Authorization": f"Bearer {told['token'] if isinstance(told, dict) else told}"}


def _try(
    operation: Any,
    mode: schemathesis.GenerationMode,
    address: str,
    headers: dict[str, str],
    statuses: set[int],
    *,
    ours: bool,
) -> None:
    load_all_checks()
    excluded = [CHECKS.get_one("positive_data_acceptance")]
    if not ours:
        excluded += map(CHECKS.get_one, ("status_code_conformance", "content_type_conformance"))

    @seed(7)
    @settings(
        max_examples=CASES,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        answer = case.call_and_validate(base_url=address, headers=headers, excluded_checks=excluded)
        statuses.add(answer.status_code)

    call()


SHOWN: dict[str, tuple[App, set[str]]] = {
    "accounts": (accounts_app(), {"update_user", "change_email"}),
    "courses": (courses.app, {"define_course", "change_capacity", "subscribe", "unsubscribe"}),
    "hostfactory": (hostfactory.app, {"create_request", "update_machine_status", "validate_template"}),
    "moving": (after.app, {"add_book", "lend_book"}),
    "orders": (orders.app, {"order_at_once", "pay_order", "ship_order", "cancel_order", "add_item"}),
}
"""Messages of the examples that show what a body is; whoever has a secret in it shows none."""


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_as_an_example_is_one(name: str, tmp_path: Path) -> None:
    """A message reads every example of its bodies; all that it lacks is in the path."""
    app, expected = SHOWN[name]
    app.use_database(tmp_path / "example.db")
    shown = set[str]()
    for path, operations in app.http().openapi()["paths"].items():
        for operation in operations.values():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" in body:
                shown.add(operation["operationId"])
                message = app.router.catalogue.named(operation["operationId"])
                assert missing(message, body["example"]) == path.count("{"), operation["operationId"]
    assert shown >= expected


def missing(message: MessageType[Any], example: object) -> int:
    """How many fields a message lacks; anything else that is wrong with it is an error."""
    try:
        message.parse(json.dumps(example))
    except Invalid as error:
        if any(finding.rule != "missing" for finding in error.findings):
            raise
        return len(error.findings)
    return 0
