"""One message as an ASGI endpoint: read, parse, send through the pipeline, write the answer.

This is the room's hot path. It solves no dependencies and builds no response objects; a command runs in the request's
own task, so that a cancellation reaches its unit of work, and a client that goes away changes nothing.
"""

from typing import Any, Final, final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from twofold.app import App
from twofold.dispatch import Handler
from twofold.errors import Invalid, TwofoldError
from twofold.messages import Kind, Origin, wire_name
from twofold.middleware import refusal_of
from twofold.result import Success
from twofold.web._addresses import fields_of_path
from twofold.web._answer import Answer
from twofold.web._arrival import Arrival, arrival_at
from twofold.web._body import BodyBounds, Late, read_body
from twofold.web._follow import Follower
from twofold.web._intake import Intake
from twofold.web._paging import links_of
from twofold.web._problem import Problem, nothing_found, problem_of_status
from twofold.web._reception import log_refusal, problem_told, send_problem
from twofold.web._stream import EVENT_STREAM
from twofold.web._streams import OpenStreams
from twofold.web._tags import is_known, tag_of
from twofold.web._watch import Watch

_JSON: Final = b"application/json"
_AS_IT_IS: Final = (b"", b"identity")
_SILENT: Final = (204, 205)
_UNSIZED: Final = (204, 304)
_FOR_ONE: Final = b"private, no-cache"
_SUCCESS: Final[type[Any]] = Success


@final
class Endpoint:
    """Serves one message.

    Args:
        app: The application.
        handler: The message's handler.
        method: The HTTP method.
        path: The path, with its fields in braces.
        intake: How the message is put together.
        answer: How what is answered is written.
        bounds: What a body may take.
        streams: The streams that are open.
        watch: The log, for streams.
    """

    __slots__ = ("answer", "app", "bounds", "handler", "intake", "method", "path", "status", "streams", "watch")

    def __init__(
        self,
        *,
        app: App,
        handler: Handler,
        method: str,
        path: str,
        intake: Intake,
        answer: Answer,
        bounds: BodyBounds,
        streams: OpenStreams,
        watch: Watch,
    ) -> None:
        self.app = app
        self.handler = handler
        self.method = method
        self.path = path
        self.intake = intake
        self.answer = answer
        self.bounds = bounds
        self.streams = streams
        self.watch = watch
        self.status = handler.door.status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrival = arrival_at(scope)
        arrival.queries = self.handler.kind is Kind.QUERY
        try:
            body = await self._body(arrival, receive)
            problem = self._refused_type(arrival, body)
            if problem is not None:
                await self._refuse(problem, arrival, send)
                return
            request = Request(scope, _replay(body, receive)) if arrival.authenticates else None
            origin = await arrival.origin(request)
        except ClientDisconnect:
            return  # nobody is left to answer, and nothing was begun
        except Late:
            arrival.break_off()
            text = f"the body did not come whole in {self.bounds.patience:g} seconds"
            await self._refuse(problem_of_status(408, text), arrival, send)
            return
        except TwofoldError as error:
            await self._refuse(problem_told(error, arrival), arrival, send)
            return
        follows = self.followed and scope["method"] == "GET" and EVENT_STREAM in arrival.headers.get(b"accept", b"")
        if self.answer.followed and not follows:
            problem = problem_of_status(406, "this is a stream of events", hint="send accept: text/event-stream")
            await self._refuse(problem, arrival, send)
            return
        try:
            if self.handler.kind is Kind.COMMAND:
                origin = arrival.of_command(origin)
            message = self._message(scope, body, origin)
        except TwofoldError as error:
            result = await self.app.router.refuse(self.handler, error, origin)
        else:
            if follows:
                await self._follow(message, origin, arrival, request, receive, send)
                return
            result = await self.app.router.send(self.handler.kind, message, origin)
        if isinstance(result, _SUCCESS):
            await self._answer(result.value, scope, origin, send)
        else:
            await send_problem(problem_told(result.error, arrival), arrival, send)

    @property
    def followed(self) -> bool:
        """Whether it can be followed."""
        return self.handler.door.live or self.answer.followed

    async def _follow(
        self, message: Any, origin: Origin, arrival: Arrival, request: Request | None, receive: Receive, send: Send
    ) -> None:
        follower = Follower(
            handler=self.handler,
            answer=self.answer,
            message=message,
            origin=origin,
            arrival=arrival,
            request=request,
        )
        await follower.serve(receive, send, self.streams, self.watch)

    async def _refuse(self, problem: Problem, arrival: Arrival, send: Send) -> None:
        name = wire_name(self.handler.message_type).name
        log_refusal(problem, arrival, self.handler.kind, name)
        refusal_of(self.app.watching.meter)(name, problem.code)
        await send_problem(problem, arrival, send)

    async def _body(self, arrival: Arrival, receive: Receive) -> bytes:
        headers = arrival.headers
        if self.intake.has_body:
            return await read_body(headers, receive, self.bounds)
        if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
            raise Invalid("this takes no body; its fields are query parameters")
        return b""

    def _refused_type(self, arrival: Arrival, body: bytes) -> Problem | None:
        """Unsupported media type, for a body that is encoded or anything but JSON, and for the empty one of a form."""
        if self.intake.has_body and arrival.headers.get(b"content-encoding", b"").strip().lower() not in _AS_IT_IS:
            text = "the body is encoded, as its header content-encoding says"
            return problem_of_status(415, text, hint="send it as it is, without content-encoding")
        kind = arrival.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind == _JSON or (kind.startswith(b"application/") and kind.endswith(b"+json")):
            return None
        if not body and (not kind or not self.intake.has_body):
            return None
        return problem_of_status(415, "the body is to be JSON", hint="send content-type: application/json")

    def _message(self, scope: Scope, body: bytes, origin: Origin) -> Any:
        path, query = fields_of_path(scope), scope["query_string"]
        return self.intake.message(path=path, query=query, body=body, origin=origin)

    async def _answer(self, value: object, scope: Scope, origin: Origin, send: Send) -> None:
        arrival = arrival_at(scope)
        status, body = self.status or 200, b""
        if value is not None or (self.handler.kind is Kind.QUERY and not self.answer.optional):
            body = b"" if status in _SILENT else self.answer.body_of(value, origin)
        elif self.handler.kind is Kind.QUERY:
            await send_problem(problem_told(nothing_found(), arrival), arrival, send)
            return
        else:
            status = self.status or 204
        headers = [(b"content-type", _JSON)] if body else []
        if self.handler.kind is Kind.COMMAND:
            version = None if origin.receipt is None else origin.receipt.version
            headers += [] if version is None else [(b"etag", b'"%d"' % version)]
        else:
            tag = tag_of(body, self.answer.version_of(value))
            headers += [(b"etag", tag), (b"cache-control", _FOR_ONE)]
            if self.method == "GET":
                headers += links_of(value, scope["query_string"], self.intake.shape.fields)
            headers += [(b"vary", b"accept")] if self.followed else []
            if self.method == "GET" and is_known(arrival.headers, tag):
                status, body, headers = 304, b"", headers[1:]
        if status not in _UNSIZED:
            headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once more, for an authenticator that looks at it."""
    unread = True

    async def again() -> Any:
        nonlocal unread
        if unread:
            unread = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again
