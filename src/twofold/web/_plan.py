"""Planning the endpoints of an application: one for every command and query that is not hidden, by convention or as its
handler's door says. What cannot be served is a fault, and all faults are found at once.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from re import Pattern
from typing import Final

from pydantic.errors import PydanticUserError
from starlette.routing import compile_path

from twofold.app import App
from twofold.dispatch import Handler
from twofold.errors import Fault, FaultError, WiringError
from twofold.messages import Kind, MessageType, has_secret
from twofold.web._answer import Answer
from twofold.web._body import BodyBounds
from twofold.web._endpoint import Endpoint
from twofold.web._intake import Intake
from twofold.web._shape import Shape
from twofold.web._streams import OpenStreams
from twofold.web._watch import Watch

PREFIX: Final = {Kind.COMMAND: "/commands/", Kind.QUERY: "/queries/"}

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_WITH_BODY: Final = ("POST", "PUT", "PATCH")
_WRITABLE: Final = "answer a dataclass, a pydantic model, or what JSON has"
_FIELD: Final = re.compile(r"\{\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An endpoint, and how its path is recognised.

    Args:
        endpoint: The endpoint.
        pattern: The path as a pattern.
        converts: Whether the path has fields.
    """

    endpoint: Endpoint
    pattern: Pattern[str]
    converts: bool


def plan(
    app: App, *, bounds: BodyBounds, taken: Collection[str], streams: OpenStreams, watch: Watch
) -> tuple[list[Planned], list[Fault]]:
    """The endpoints of an application, and what is wrong with those that it cannot have.

    Args:
        app: The application, checked.
        bounds: What a body may take.
        taken: Paths that are the room's own.
        streams: The streams that are open.
        watch: The log, for streams.
    """
    planned: list[Planned] = []
    faults: list[Fault] = []
    owners: dict[tuple[str, str], str] = {}
    for handler in app.router.handlers():
        if handler.kind is Kind.EVENT or handler.door.hidden or not _is_encodable(app, handler):
            continue
        try:
            one = _planned(app, handler, bounds, streams, watch)
        except FaultError as error:
            faults += error.faults
            continue
        except WiringError as error:  # of what it answers
            faults.append(_fault(handler, "impossible_route", error.detail, _WRITABLE))
            continue
        faults += [_fault(handler, "impossible_route", *told) for told in _impossible(one.endpoint)]
        key = (one.endpoint.method, _FIELD.sub("{", one.endpoint.path))
        first = owners.setdefault(key, handler.id)
        if first is not handler.id or one.endpoint.path in taken:
            owner = "the web itself" if one.endpoint.path in taken else first
            text = f"wants {one.endpoint.method} {one.endpoint.path}, which {owner} has"
            faults.append(_fault(handler, "conflicting_route", text, "give one of them another path= or method="))
        planned.append(one)
    return planned, faults


def told_in_addresses(planned: Iterable[Planned]) -> Iterator[Fault]:
    """Endpoints with secrets in their address, where logs on the way keep them, which is no reason not to serve them.

    Args:
        planned: The endpoints.
    """
    for endpoint in (one.endpoint for one in planned):
        intake, schema = endpoint.intake, endpoint.intake.message_type.schema()
        in_path = [name for name in sorted(intake.path) if has_secret(schema, name)]
        in_query = [name for name in intake.sent if not intake.has_body and has_secret(schema, name)]
        if in_path or in_query:
            names = ", ".join((*in_path, *in_query))
            text = f"is offered by {endpoint.method} {endpoint.path}, and its address, which logs keep, has {names}"
            instead = " in place of what follows it, which goes by GET alone" if endpoint.followed else ""
            ways = ["leave it out of path="] if in_path else []
            ways += [] if intake.has_body else [f'say method="POST"{instead}']
            hint = f"{' and '.join(ways)}: a secret belongs in the body"
            yield Fault(where=endpoint.handler.id, code="secret_in_address", text=text, hint=hint)


def _is_encodable(app: App, handler: Handler) -> bool:
    """Whether the message has a form in JSON; the application itself reports one that has none."""
    try:
        return bool(app.router.catalogue.of(handler.message_type).schema())
    except (WiringError, PydanticUserError):
        return False


def _planned(app: App, handler: Handler, bounds: BodyBounds, streams: OpenStreams, watch: Watch) -> Planned:
    message_type = app.router.catalogue.of(handler.message_type)
    shape = Shape.of(message_type)
    path = handler.door.path or PREFIX[handler.kind] + message_type.name
    try:
        pattern, path, converters = compile_path(path)
    except (AssertionError, ValueError) as error:
        text, hint = f"has the path {path!r}: {error}", "write each field once, as in /orders/{order_id}"
        raise FaultError(where=handler.id, code="impossible_route", text=text, hint=hint) from error
    method = (handler.door.method or _usual_method(handler, message_type, shape)).upper()
    intake = Intake(
        message_type=message_type,
        shape=shape,
        path=frozenset(converters),
        has_body=method in _WITH_BODY,
    )
    endpoint = Endpoint(
        app=app,
        handler=handler,
        method=method,
        path=path,
        intake=intake,
        answer=Answer(handler),
        bounds=bounds,
        streams=streams,
        watch=watch,
    )
    return Planned(endpoint=endpoint, pattern=pattern, converts=bool(converters))


def _usual_method(handler: Handler, message_type: MessageType[object], shape: Shape) -> str:
    """GET for queries, but for one with a field that no URL can hold; POST for all else."""
    filled = message_type.context_fields
    nested = any(fit == "nested" for name, fit in shape.fields.items() if name not in filled)
    return "GET" if handler.kind is Kind.QUERY and not nested else "POST"


def _impossible(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Why an endpoint cannot be served, each time with what to do; nothing when it can."""
    intake, method, status = endpoint.intake, endpoint.method, endpoint.status
    fields, filled = intake.shape.fields, intake.message_type.context_fields
    if not endpoint.path.startswith("/"):
        yield f"has the path {endpoint.path!r}, which does not begin with a slash", f'write path="/{endpoint.path}"'
    if method not in _METHODS:
        yield f"is offered by {method}, which is none of {', '.join(_METHODS)}", "say one of them, or no method="
    if method == "GET" and endpoint.handler.kind is Kind.COMMAND:
        yield "is a command offered by GET, and a command changes state", 'say method="POST", or make it a query'
    if endpoint.handler.door.version is not None and endpoint.handler.kind is Kind.COMMAND:
        text = "is a command and says version=, which is the field of a query's answer"
        yield text, "say it at the query that shows what the command changes"
    if endpoint.handler.kind is Kind.COMMAND and endpoint.followed:
        yield "is a command, and only a query can be followed", "make it a query, or have one of its own be followed"
    elif endpoint.followed and method != "GET":
        yield f"can be followed and is offered by {method}, and a stream is got", 'say method="GET"'
    if status is not None and not 200 <= status <= 299:
        hint = "say one of those; a Failure has the status of its error"
        yield f"answers with status {status}, and a Success is 200 to 299", hint
    for name in sorted(intake.path):
        if name in filled:
            hint = f"leave {{{name}}} out of the path, or FromContext out of the field"
            yield f"has {{{name}}} in its path, and the context fills it", hint
        elif name not in fields:
            text = f"has {{{name}}} in its path, which is no field of {endpoint.handler.message_type.__qualname__}"
            yield text, f"its fields are {', '.join(fields)}" if fields else "it has no fields"
        elif fields[name] != "one":
            hint = f"leave {{{name}}} out of the path: it comes beside that"
            yield f"has {{{name}}} in its path, which is more than one value", hint
    for name in filled:
        if name not in fields:
            text = f"fills {name} from the context, and clients know it by another name"
            yield text, f"leave the alias of {name} out"
    for name in () if intake.has_body else intake.sent:
        if fields[name] == "nested":
            text = f"is offered by {method}, and no query parameter can hold {name}"
            yield text, f"offer it by {', '.join(_WITH_BODY)}, which have a body"


def _fault(handler: Handler, code: str, text: str, hint: str) -> Fault:
    return Fault(where=handler.id, code=code, text=text, hint=hint)
