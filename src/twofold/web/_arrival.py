"""What is known of one request before anything is done with it: its correlation id, its trace, who it comes from, and
what its headers say of a command.

The reception makes one per request; everything else in the room reads it. Nothing of a body ever gets in here.
"""

import re
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final, TypeAlias, final

from starlette.requests import HTTPConnection

from twofold.app import App
from twofold.errors import Classifier, Invalid, Unauthenticated
from twofold.messages import Kind, Origin
from twofold.result import Result
from twofold.web._authenticator import Authenticator, require_principal
from twofold.web._headers import by_name
from twofold.web._keys import with_key
from twofold.web._not_running import NotRunning
from twofold.web._positions import applied, receipt_of, stamp_of
from twofold.web._problem import PROBLEMS
from twofold.web._tags import with_expected

Scope: TypeAlias = MutableMapping[str, Any]

_KEY: Final = "twofold.arrival"
_CORRELATION: Final = re.compile(rb"[\x21-\x7e]{1,128}")
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE: Final = re.compile(rb"[\x20-\x7e]{1,512}")
_READING: Final = ("GET", "HEAD")


@final
class Arrival:
    """One request.

    Args:
        app: The application it is for.
        authenticate: Tells who it comes from; nobody is asked unless given.
        scope: Its ASGI scope.
        max_wait: The longest that its queries may wait for what it has to see, in seconds.
        problems: What the type of a problem begins with that answers it.
    """

    __slots__ = (
        "_authenticate",
        "_breaks",
        "_closes",
        "_max_wait",
        "_method",
        "_origin",
        "address",
        "answered",
        "app",
        "correlation_id",
        "headers",
        "problems",
        "queries",
        "repeated",
    )

    def __init__(
        self, app: App, authenticate: Authenticator | None, scope: Scope, max_wait: float, problems: str
    ) -> None:
        self.app = app
        self.problems = scope.get("root_path", "") + problems if problems == PROBLEMS else problems
        self.address: str = (scope.get("client") or ("nowhere",))[0]
        self._max_wait = max_wait
        self._method: str | None = scope.get("method")
        self.headers, self.repeated = by_name(scope["headers"])
        sent = self.headers.get(b"x-correlation-id", b"")
        new = not _CORRELATION.fullmatch(sent)
        self.correlation_id = str(app.router.ids()) if new else sent.decode("ascii")
        self._authenticate = authenticate
        self._breaks: bool = scope.get("http_version", "1.1").startswith("1")
        self._closes = False
        self.queries = False
        """Whether it is a query, and no more than that."""
        self.answered = False
        """Whether its response has begun."""
        self._origin: Origin | None = None

    @property
    def classifier(self) -> Classifier:
        """Tells what errors of this application mean."""
        return self.app.router.settings.classifier

    async def origin(self, connection: HTTPConnection | None) -> Origin:
        """Where its messages come from; whoever it is is asked for once.

        Args:
            connection: The request, for whoever authenticates it; None when nobody does.

        Raises:
            NotRunning: The application has not started, or has stopped.
            TwofoldError: It was refused.
            WiringError: Whoever authenticates has answered what is no principal.
        """
        if not self.app.running:
            raise NotRunning
        if self._origin is None:
            principal = None if self._authenticate is None else await self._authenticate(connection)
            require_principal(principal)
            receipt = await receipt_of(self.headers, self.repeated, self.app, self._max_wait)
            self._origin = Origin(
                correlation_id=self.correlation_id,
                principal=principal,
                source="http",
                trace=self._trace(),
                receipt=receipt,
            )
        return self._origin

    def of_command(self, origin: Origin) -> Origin:
        """Where a command of the request comes from: with the key that its headers give it, and what they expect.

        A web socket says nothing of one command, and what a GET expects is about its own answer.

        Args:
            origin: Where its messages come from.

        Raises:
            Invalid: A header cannot be understood, or the key was given more than once.
        """
        if self._method is None:
            return origin
        origin = with_key(origin, self.headers, self.repeated)
        return origin if self._method in _READING else with_expected(origin, self.headers)

    async def send(self, kind: Kind, message: object, origin: Origin) -> Result[Any, Any]:
        """Send a command or query of a route, a command with what the headers say of it.

        Args:
            kind: Its kind.
            message: The command or query.
            origin: Where messages of the request come from.

        Raises:
            HandlerNotFoundError: It has no handler.
        """
        router = self.app.router
        try:
            origin = self.of_command(origin) if kind is Kind.COMMAND else origin
        except Invalid as error:
            handlers = router.handlers(type(message))
            if handlers:
                return await router.refuse(handlers[0], error, origin)
        return await router.send(kind, message, origin)

    async def renewed(self, connection: HTTPConnection | None) -> Origin:
        """Where its messages come from, asked anew: who it comes from may have lost what they had.

        Args:
            connection: The request, for whoever authenticates it; None when nobody does.

        Raises:
            TwofoldError: It is refused, or comes from somebody else than before.
        """
        before = None if self._origin is None else self._origin.principal
        self._origin = None
        origin = await self.origin(connection)
        now = origin.principal
        if (before and (before.user_id, before.tenant)) != (now and (now.user_id, now.tenant)):
            raise Unauthenticated("whoever has opened this is not known any more")
        return origin

    def break_off(self) -> None:
        """Have the connection closed behind the response, where one connection has one request at a time."""
        self._closes = self._breaks

    def stamps(self) -> list[tuple[bytes, bytes]]:
        """The headers that its response gets, whoever answers."""
        receipt = None if self._origin is None else self._origin.receipt
        return [
            (b"x-correlation-id", self.correlation_id.encode("ascii")),
            (b"x-content-type-options", b"nosniff"),
            *stamp_of(receipt),
            *(applied(self.headers, receipt) if self.queries else ()),
            *([(b"connection", b"close")] if self._closes else ()),
        ]

    @property
    def authenticates(self) -> bool:
        """Whether anybody is asked who it comes from."""
        return self._authenticate is not None

    def _trace(self) -> dict[str, str]:
        parent = self.headers.get(b"traceparent")
        if parent is None or not _TRACEPARENT.fullmatch(parent):
            return {}
        state = self.headers.get(b"tracestate", b"")
        known = {"tracestate": state.decode("ascii")} if _TRACESTATE.fullmatch(state) else {}
        return {"traceparent": parent.decode("ascii"), **known}


_current: ContextVar[Arrival | None] = ContextVar("twofold_arrival", default=None)

current_arrival = _current.get
"""The request that this task serves, or None outside any."""

enter_arrival = _current.set
leave_arrival = _current.reset


def note_arrival(scope: Scope, arrival: Arrival) -> None:
    """Put an arrival where everything that serves the request finds it."""
    scope[_KEY] = arrival


def arrival_at(scope: Scope) -> Arrival:
    """The arrival of a request that the reception has seen."""
    arrival: Arrival = scope[_KEY]
    return arrival


def local_path(scope: Scope) -> str:
    """The path below where the application is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path
