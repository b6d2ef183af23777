"""The API document says what is really served."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Security
from fastapi.security import APIKeyHeader, HTTPBasic
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tests.web.schema import fits, resolved
from tests.web.shop import SECRET, client_of, shop_app, who
from twofold import (
    App,
    Command,
    Failure,
    Forbidden,
    FromContext,
    Module,
    NotFound,
    Query,
    Refused,
    Result,
    Secret,
    Success,
    public,
    signed_in,
)

pytestmark = pytest.mark.anyio
ORDER = "00000000-0000-0000-0000-00000000000a"
LONG = "x" * 20

REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/commands/place_order", {"json": {"customer": "ada", "lines": [{"sku": "x"}]}}),
    ("POST", "/commands/place_order", {"json": {"customer": 1}}),
    ("POST", "/commands/place_order", {"content": b"x"}),
    ("POST", "/commands/place_order", {"content": b"x" * 2001}),
    ("PUT", f"/orders/{ORDER}/payment", {}),
    ("PUT", "/orders/x/payment", {}),
    ("DELETE", f"/orders/{ORDER}", {"params": {"reasons": ["a"]}}),
    ("POST", "/commands/change_password", {"json": {"password": LONG}}),
    ("POST", "/commands/change_password", {"json": {"password": LONG}, "headers": {"x-user": "ada"}}),
    ("POST", "/commands/promote", {}),
    ("GET", "/queries/find_orders", {"params": {"customer": "a", "tags": ["b"]}}),
    ("GET", "/queries/find_orders", {"params": {"page": "x"}}),
    ("GET", "/queries/find_order", {"params": {"sku": "x"}}),
    ("GET", "/queries/find_order", {"params": {"sku": "none"}}),
    ("POST", "/queries/search_orders", {"json": {"like": {"sku": "x"}}}),
    ("GET", "/health/live", {}),
    ("GET", "/health/ready", {}),
    ("GET", "/health/workers", {}),
    *(
        ("POST", "/commands/fail", {"json": {"how": how}})
        for how in (
            "plain",
            "unauthenticated",
            "forbidden",
            "not_found",
            "exists",
            "gone",
            "too_large",
            "limited",
            "unavailable",
        )
    ),
    ("POST", "/commands/fail", {"json": {"how": "crash"}}),
]


async def test_every_response_is_in_the_document() -> None:
    """Status, content type and body of whatever is answered are described, for successes and problems alike."""
    app = shop_app()
    statuses: set[int] = set()
    async with client_of(app, app.http(authenticate=who, max_body=2000)) as client:
        document = (await client.get("/openapi.json")).json()
        for method, path, options in REQUESTS:
            answer = await client.request(method, path, **options)
            assert described(answer, document), f"{method} {path}: {answer.status_code} {answer.text}"
            statuses.add(answer.status_code)
    assert statuses == {200, 201, 204, 400, 401, 403, 404, 409, 410, 413, 415, 429, 500, 503}


def described(answer: httpx.Response, document: Any) -> bool:
    operation = operation_at(answer.request, document)
    response = operation["responses"].get(str(answer.status_code))
    if response is None:
        return False
    content = resolved(response, document).get("content", {})
    if not content:
        return answer.content == b""
    described_as = content.get(answer.headers["content-type"])
    return described_as is not None and fits(answer.json(), described_as["schema"], document)


def operation_at(request: httpx.Request, document: Any) -> Any:
    for path, methods in document["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", path)
        if re.fullmatch(pattern, request.url.path) and request.method.lower() in methods:
            return methods[request.method.lower()]
    raise AssertionError(f"{request.method} {request.url.path} is not in the document")


def test_an_operation_is_named_after_its_message() -> None:
    """Id, tag, texts, parameters and body come from the message, its handler's module and its docstring."""
    document = shop_app().http().openapi()
    place = document["paths"]["/commands/place_order"]["post"]
    assert (place["operationId"], place["tags"]) == ("place_order", ["orders"])
    assert (place["summary"], place["description"]) == ("Place an order.", "The customer pays later.")
    assert place["requestBody"]["required"] is True
    body = resolved(place["requestBody"]["content"]["application/json"]["schema"], document)
    assert body["required"] == ["customer"]
    pay = document["paths"]["/orders/{order_id}/payment"]["put"]
    assert pay["summary"] == "PayOrder"
    asked = [(one["name"], one["in"], one["required"]) for one in pay["parameters"]]
    assert asked == [("order_id", "path", True), ("Idempotency-Key", "header", False)]
    assert pay["requestBody"]["required"] is False
    assert list(pay["requestBody"]["content"]["application/json"]["schema"]["properties"]) == ["note"]
    find = document["paths"]["/queries/find_orders"]["get"]
    parameters = {one["name"]: (one["in"], one["required"], one["schema"]["type"]) for one in find["parameters"]}
    assert parameters == {
        "customer": ("query", True, "string"),
        "tags": ("query", False, "array"),
        "page": ("query", False, "integer"),
        "Twofold-Position": ("header", False, "integer"),
        "Twofold-Wait": ("header", False, "string"),
        "Prefer": ("header", False, "string"),
        "If-None-Match": ("header", False, "string"),
    }


def test_fields_of_the_context_are_not_shown() -> None:
    """What the server fills is nowhere in the document, not even in a schema that nothing refers to."""
    document = shop_app().http().openapi()
    body = document["paths"]["/commands/change_password"]["post"]["requestBody"]["content"]["application/json"]
    assert list(body["schema"]["properties"]) == ["password"]
    assert "ChangePassword" not in document["components"]["schemas"]
    assert SECRET not in str(document)


def test_401_is_described_where_it_can_be() -> None:
    """Without an authenticator only messages that need somebody answer 401."""
    document = shop_app().http().openapi()
    assert "401" in document["paths"]["/commands/change_password"]["post"]["responses"]
    assert "401" not in document["paths"]["/commands/place_order"]["post"]["responses"]
    document = shop_app().http(authenticate=who).openapi()
    assert "401" in document["paths"]["/commands/place_order"]["post"]["responses"]


def test_the_document_is_made_once() -> None:
    """Asking again gives the same, until something changes."""
    web = shop_app().http()
    first = web.openapi()
    assert web.openapi() is first
    web.add_api_route("/own", lambda: 1)
    assert "/own" in web.openapi()["paths"]


def test_own_routes_stay_in_the_document() -> None:
    """Routes of one's own are described beside messages, with the problem they really answer in place of a 422."""
    web = shop_app().http()
    web.add_api_route("/own/{number}", own)
    document = web.openapi()
    responses = document["paths"]["/own/{number}"]["get"]["responses"]
    assert set(responses) == {"200", "400"}
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def own(number: int) -> int:
    return number


def model_of_ones_own() -> type[BaseModel]:
    class PlaceOrder(BaseModel):
        """Another one than the shop's."""

        own: str

    return PlaceOrder


def test_schemas_of_one_name_do_not_meet() -> None:
    """A route's schema stays as it is when a message has one of the same name."""
    web = shop_app().http()
    web.add_api_route("/own", lambda: None, response_model=model_of_ones_own())
    schemas = web.openapi()["components"]["schemas"]
    assert list(schemas["PlaceOrder"]["properties"]) == ["own"]
    assert list(schemas["Message.PlaceOrder"]["properties"]) == ["customer", "lines"]


def odd_module() -> Module:
    module = Module("odd")

    @dataclass(frozen=True, kw_only=True)
    class Anything(Command[Any]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Perhaps(Command[int | None]):
        by: str = "nobody"

    @dataclass(frozen=True, kw_only=True)
    class Several(Query[int | str | None]):
        """Several.

        Args:
            by: Whose.
        """

        by: str | None = None

    @module.handler(status=202)
    async def anything(command: Anything) -> None: ...

    @module.handler
    async def perhaps(command: Perhaps) -> Result[int | None]:
        return Success(None if command.by == "nobody" else 1)

    @module.handler
    async def several(query: Several) -> int | str | None:
        return query.by

    return module


async def test_answers_of_several_kinds_are_described() -> None:
    """A command that may say nothing has both statuses, a query that may find nothing has no null."""
    app = App("odd", modules=[odd_module()], database="memory:")
    async with client_of(app, app.http()) as client:
        document = (await client.get("/openapi.json")).json()
        answers = [
            await client.post("/commands/anything"),
            await client.post("/commands/perhaps"),
            await client.post("/commands/perhaps", json={"by": "ada"}),
            await client.get("/queries/several"),
            await client.get("/queries/several?by=ada"),
        ]
    assert [answer.status_code for answer in answers] == [202, 204, 200, 404, 200]
    assert all(described(answer, document) for answer in answers)
    several = document["paths"]["/queries/several"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert {"type": "null"} not in several["anyOf"]
    assert "requestBody" not in document["paths"]["/commands/anything"]["post"]


async def test_the_pages_are_served() -> None:
    """`/docs` shows the document."""
    app = shop_app()
    async with client_of(app, app.http(title="The shop")) as client:
        page = await client.get("/docs")
        assert (page.status_code, "/openapi.json" in page.text) == (200, True)
        assert (await client.get("/openapi.json")).json()["info"]["title"] == "The shop"


class SoldOut(Refused):
    """Somebody else has bought the last one."""


def shown_module() -> Module:
    module = Module("shown")

    @dataclass(frozen=True, kw_only=True)
    class Box:
        """Something that is put into an order."""

        __pydantic_config__ = ConfigDict(json_schema_extra={"examples": [{"size": 3}]})
        size: int

    @dataclass(frozen=True, kw_only=True)
    class Buy(Command[int, SoldOut | NotFound]):
        """Buy something."""

        item: Annotated[str, Field(examples=["pen"])]
        box: Box
        pieces: int = 2
        api_key: Annotated[str | None, Field(examples=[SECRET])] = SECRET
        note: Annotated[str | None, Secret, Field(examples=[SECRET])] = None
        card: Annotated[str, Secret] | None = SECRET

    @dataclass(frozen=True, kw_only=True)
    class SignIn(Command[None]):
        """Has a field that it must have, and that nobody may see."""

        name: Annotated[str, Field(examples=["ada"])]
        password: Annotated[SecretStr, Field(examples=[SECRET])]

    @module.handler
    async def buy(command: Buy) -> Result[int, SoldOut | NotFound]:
        return Success(command.pieces)

    @module.handler
    async def sign_in(command: SignIn) -> Success[None] | Failure[Forbidden]:
        return Success(None)

    return module


async def test_examples_are_those_of_the_fields_and_show_no_secret() -> None:
    """A body of what fields say of themselves is one that the endpoint takes; without one there is no example."""
    app = App("shown", modules=[shown_module()], database="memory:")
    async with client_of(app, app.http()) as client:
        document = (await client.get("/openapi.json")).json()
        body = document["paths"]["/commands/buy"]["post"]["requestBody"]["content"]["application/json"]
        assert {"item": "pen", "box": {"size": 3}, "pieces": 2}.items() <= body["example"].items()
        assert (await client.post("/commands/buy", json=body["example"])).json() == 2
    sign_in = document["paths"]["/commands/sign_in"]["post"]["requestBody"]["content"]["application/json"]
    assert "example" not in sign_in
    assert SECRET not in str(document)


def guarded_module() -> Module:
    """One command for everybody, one for somebody, and one about somebody."""
    module = Module("guarded")

    @dataclass(frozen=True, kw_only=True)
    class Look(Command[None]): ...

    @dataclass(frozen=True, kw_only=True)
    class Touch(Command[None]): ...

    @dataclass(frozen=True, kw_only=True)
    class Leave(Command[None]):
        user_id: Annotated[str, FromContext("user_id")]

    async def handle(command: Any) -> None: ...

    module.register(Look, handle, authorize=public)
    module.register(Touch, handle, authorize=signed_in)
    module.register(Leave, handle)
    return module


def test_the_document_says_how_to_say_who_one_is() -> None:
    """As FastAPI would: a bearer token, or what is declared; required where nobody but somebody is let in."""
    own = APIKeyHeader(name="X-Key", scheme_name="key", description="From the desk.")
    for options, name, scheme in (
        ({}, "HTTPBearer", {"type": "http", "scheme": "bearer"}),
        (
            {"security": own},
            "key",
            {"type": "apiKey", "in": "header", "name": "X-Key", "description": "From the desk."},
        ),
    ):
        document = (
            App("guarded", modules=[guarded_module()], database="memory:").http(authenticate=who, **options).openapi()
        )
        said = {one: document["paths"][f"/commands/{one}"]["post"]["security"] for one in ("look", "touch", "leave")}
        assert document["components"]["securitySchemes"] == {name: scheme}
        assert said == {"look": [{}, {name: []}], "touch": [{name: []}], "leave": [{name: []}]}
        assert "security" not in document["paths"]["/health/live"]["get"]


def test_where_nobody_is_asked_nothing_is_said() -> None:
    """Without who authenticates there is no scheme, whatever is declared; and schemes of one's own routes stay."""
    app = App("guarded", modules=[guarded_module()], database="memory:")
    document = app.http(security=APIKeyHeader(name="X-Key")).openapi()
    assert "securitySchemes" not in document["components"]
    assert "security" not in document["paths"]["/commands/touch"]["post"]
    web = app.http(authenticate=who)
    web.add_api_route("/own", lambda: None, dependencies=[Security(HTTPBasic())])
    assert set(web.openapi()["components"]["securitySchemes"]) == {"HTTPBasic", "HTTPBearer"}


async def test_every_problem_has_an_example_that_fits() -> None:
    """Each status of each operation, and each error that a handler declares, by its code and in its own words."""
    app = App("shown", modules=[shown_module()], database="memory:")
    document = app.http(authenticate=who).openapi()
    for path, methods in document["paths"].items():
        for status, response in methods.get("post", {}).get("responses", {}).items():
            if path.startswith("/commands/") and status >= "400" and status != "default":
                content = resolved(response, document)["content"]["application/problem+json"]
                shown = [one["value"] for one in content["examples"].values()]
                assert shown
                for one in shown:
                    assert fits(one, content["schema"], document)
                    assert (str(one["status"]), one["type"]) == (status, f"/problems/{one['code']}")
    responses = document["paths"]["/commands/buy"]["post"]["responses"]
    refused = responses["400"]["content"]["application/problem+json"]["examples"]
    assert list(refused) == ["invalid", "sold_out"]
    assert refused["sold_out"]["value"]["detail"] == "Somebody else has bought the last one."
    assert list(responses["404"]["content"]["application/problem+json"]["examples"]) == ["not_found"]
    declared = document["paths"]["/commands/sign_in"]["post"]["responses"]["403"]
    assert list(declared["content"]["application/problem+json"]["examples"]) == ["forbidden"]
