"""What keeps an application from being served in production: what a FastAPI application shows, or lets in, unsaid."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from twofold.app import App
from twofold.dispatch import Handler
from twofold.errors import Fault
from twofold.web._authenticator import Authenticator
from twofold.web._shape import Shape

_STRANGER = "https://stranger.invalid"
_NAMED = 5


class Openness(NamedTuple):
    """What an application is served with, as it was said.

    Args:
        authenticate: Tells who a request comes from; None when nobody is asked.
        docs: Whether its documents may be seen; None when nobody has said it.
        metrics: Whether its numbers may be seen; None when nobody has said it.
        any_origin: Whether pages of any origin may call it.
    """

    authenticate: Authenticator | None = None
    docs: bool | None = None
    metrics: bool | None = None
    any_origin: bool = False


def exposed_faults(app: App, web: FastAPI, said: Openness) -> Iterator[Fault]:
    """What an application shows or lets in that nobody has said it should; nothing in development.

    Args:
        app: The application.
        web: What it is served by.
        said: What was said.
    """
    if not app.production:
        return
    if web.debug:
        yield _fault("debug_mode", "is in debug mode, which shows the code to whoever makes it fail", "say debug=False")
    if web.openapi_url is not None and said.docs is None:
        text = f"serves its documents at {web.openapi_url}, and nobody has said that strangers may read them"
        yield _fault("open_docs", text, "say docs=True or docs=False; `twofold run` takes --docs and --no-docs")
    if said.metrics is None and any(getattr(route, "path", "") == "/metrics" for route in web.routes):
        text = "serves its numbers at /metrics, and nobody has said that who gets there may read them"
        yield _fault("open_metrics", text, "say metrics=True or False; `twofold run` takes --metrics and --no-metrics")
    yield from _open_origins(web, said.any_origin)
    if said.authenticate is None and (names := [*_for_somebody(app)]):
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        text = f"asks nobody who they are, and there are messages for somebody: {', '.join(names[:_NAMED])}{more}"
        yield _fault("no_authenticator", text, "say authenticate= of App, or of http and attach")


def _open_origins(web: FastAPI, any_origin: bool) -> Iterator[Fault]:
    for one in web.user_middleware:
        if not (inspect.isclass(one.cls) and issubclass(one.cls, CORSMiddleware)):
            continue
        given: dict[str, Any] = inspect.signature(CORSMiddleware).bind(None, *one.args, **one.kwargs).arguments
        pattern = given.get("allow_origin_regex")
        if "*" not in given.get("allow_origins", ()) and not (pattern and re.fullmatch(pattern, _STRANGER)):
            continue
        if given.get("allow_credentials"):
            text = "lets pages of any origin call it as whoever is logged in"
            yield _fault("open_origins", text, "name the origins, or leave allow_credentials out")
        elif not any_origin:
            yield _fault("open_origins", "lets pages of any origin call it", "name the origins, or say any_origin=True")


def _for_somebody(app: App) -> Iterator[str]:
    """The names of the messages that are offered, and that nobody who is not known can send."""
    if app.check():
        return  # and it is not known yet who may send what
    for handler in app.router.handlers():
        if app.role.serves(handler.kind) and not handler.door.hidden and _is_for_somebody(app, handler):
            yield app.router.catalogue.of(handler.message_type).name


def _is_for_somebody(app: App, handler: Handler) -> bool:
    kind = app.router.catalogue.of(handler.message_type)
    facts = kind.context_fields
    wanted = (name for name, fact in facts.items() if fact != "correlation_id")
    return bool(app.assembly.authorization.guards(handler)) or not Shape.of(kind).required.isdisjoint(wanted)


def _fault(code: str, text: str, hint: str) -> Fault:
    return Fault(where="the web", code=code, text=text, hint=f"{hint}; the profile is production")
