"""What FastAPI shows, and lets in, that nobody has said it should: not in production."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import pytest
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from tests.web.shop import client_of
from twofold import App, Command, FromContext, Module, Principal, public, signed_in
from twofold.errors import Fault, StartError

pytestmark = pytest.mark.anyio

SAID = {"docs": False, "metrics": False}

Registration: TypeAlias = tuple[type, Callable[[Any], Awaitable[str]], Any]


@dataclass(frozen=True, kw_only=True)
class Greet(Command[str]):
    pass


async def greet(command: Greet) -> str:
    return "Hello!"


def filled() -> Registration:
    """A message that is filled with who sends it, and that everybody may send."""

    @dataclass(frozen=True, kw_only=True)
    class GreetMe(Command[str]):
        user_id: Annotated[str, FromContext("user_id")]

    async def greet_me(command: GreetMe) -> str:
        return f"Hello, {command.user_id}!"

    return GreetMe, greet_me, public


async def nobody(request: Any) -> Principal | None:
    return None


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWOFOLD_AUDIT_KEY", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    monkeypatch.delenv("PYTHONASYNCIODEBUG", raising=False)


def app_of(*more: Registration, greeting: Any = public, profile: Any = "production") -> App:
    module = Module("greetings")
    for message, handler, policy in ((Greet, greet, greeting), *more):
        module.register(message, handler, authorize=policy)
    return App("hello", modules=[module], profile=profile)


async def codes(web: FastAPI) -> list[str]:
    """What keeps it from being served; the same that it says beforehand."""
    told = list[Fault]()
    try:
        async with web.router.lifespan_context(web):
            pass
    except StartError as error:
        told = [*error.faults]
    before = getattr(web.state, "faults", None)
    assert before is None or before() == told
    return [fault.code for fault in told]


async def test_what_is_said_is_served() -> None:
    """Whether there are documents and numbers, that is: there are when it says so, and none when it says so."""
    shown, hidden = app_of(), app_of()
    async with client_of(shown, shown.http(docs=True, metrics=True)) as client:
        assert [(await client.get(path)).status_code for path in ("/openapi.json", "/metrics")] == [200, 200]
    async with client_of(hidden, hidden.http(**SAID)) as client:
        paths = ("/docs", "/openapi.json", "/metrics")
        assert [(await client.get(path)).status_code for path in paths] == [404, 404, 404]


async def test_what_nobody_has_said_is_refused() -> None:
    """In production, and with all else that is wrong; in development it is served as ever."""
    assert await codes(app_of().http()) == ["open_docs", "open_metrics"]
    module = Module("greetings")
    module.register(Greet, greet)
    assert await codes(App("hello", modules=[module], profile="production").http(docs=True)) == [
        "unguarded",
        "open_metrics",
    ]
    assert await codes(app_of(profile="development").http()) == []


@pytest.mark.parametrize(
    "cors, any_origin, code",
    [
        ({"allow_origins": ["*"]}, False, "open_origins"),
        ({"allow_origins": ["*"]}, True, None),
        ({"allow_origins": ["*"], "allow_credentials": True}, True, "open_origins"),
        ({"allow_origin_regex": "https?://.*"}, False, "open_origins"),
        ({"allow_origin_regex": r"https://\w+\.shop\.example"}, False, None),
        ({"allow_origins": ["https://shop.example"], "allow_credentials": True}, False, None),
    ],
)
async def test_pages_of_any_origin_are_refused(cors: dict[str, Any], any_origin: bool, code: str | None) -> None:
    """Unless that is said aloud; with credentials it cannot be."""
    web = app_of().http(any_origin=any_origin, **SAID)
    web.add_middleware(CORSMiddleware, **cors)
    assert await codes(web) == ([code] if code else [])


@pytest.mark.parametrize("guarded", [lambda: app_of(greeting=signed_in), lambda: app_of(filled())])
async def test_somebody_has_to_tell_who_it_is(guarded: Callable[[], App]) -> None:
    """Where a policy asks for them, or a field is filled with who they are."""
    assert await codes(guarded().http(**SAID)) == ["no_authenticator"]
    assert await codes(guarded().http(authenticate=nobody, **SAID)) == []


async def test_debug_mode_shows_code() -> None:
    """So it is refused."""
    web = app_of().http(**SAID)
    web.debug = True
    assert await codes(web) == ["debug_mode"]


async def test_an_application_of_ones_own_is_looked_at_too() -> None:
    """With all that is wrong with either, before any of it starts."""
    web = FastAPI(debug=True)
    web.add_api_route("/metrics", nobody)
    app_of(greeting=signed_in).attach(web)
    assert await codes(web) == ["debug_mode", "open_docs", "open_metrics", "no_authenticator"]
    web = FastAPI(openapi_url=None)
    app_of().attach(web)
    assert await codes(web) == []
