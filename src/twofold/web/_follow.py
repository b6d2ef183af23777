"""A query that is followed, by one client: its answer whenever it is another one, or events that it lets one see.

Each time the query goes through its whole pipeline, as it does when it is sent, and whoever sends it is authenticated
again; so what somebody may see ends when they may not see it any more, one heartbeat later at most.
"""

from dataclasses import replace
from typing import Any, Final, final

from starlette.requests import Request
from starlette.types import Receive, Send

from twofold.dispatch import Handler
from twofold.errors import Family, Finding, Invalid, TwofoldError, Unavailable
from twofold.messages import Feed, Kind, Origin, Receipt
from twofold.result import Failure, Result
from twofold.web._answer import Answer
from twofold.web._arrival import Arrival
from twofold.web._follow_answer import FollowedAnswer
from twofold.web._follow_events import FollowedEvents
from twofold.web._headers import refuse_repeated
from twofold.web._problem import Problem, nothing_found
from twofold.web._reception import problem_raised, problem_told, send_problem
from twofold.web._stream import BEAT, Stalled, Stream, frame
from twofold.web._streams import OpenStreams
from twofold.web._watch import Watch

_LAST_SEEN: Final = "Last-Event-ID"
_TROUBLE: Final = 1.0
_LONGEST_POSITION: Final = 18


@final
class Follower:
    """One client that follows a query.

    Args:
        handler: The handler of the query.
        answer: How it is written.
        message: The query.
        origin: Where it comes from.
        arrival: The request.
        request: The request once more, for whoever authenticates it.
    """

    def __init__(
        self,
        *,
        handler: Handler,
        answer: Answer,
        message: object,
        origin: Origin,
        arrival: Arrival,
        request: Request | None,
    ) -> None:
        self._app = arrival.app
        self._handler = handler
        self._answer = answer
        self._message = message
        self._origin = origin
        self._arrival = arrival
        self._request = request

    async def serve(self, receive: Receive, send: Send, streams: OpenStreams, watch: Watch) -> None:
        """Serve it until it goes, takes nothing, or may not see it any more, or until streams end.

        What is refused before anything was sent is a problem, as of any other request.

        Args:
            receive: Tells that the client has gone.
            send: Takes what is sent.
            streams: Where it has its place.
            watch: The log.
        """
        try:
            with streams.place(self._client()) as ended:
                seen, head = await self._last_seen(), await watch.head()
                result = await self._send(self._origin, seen or 0, watch)
                if result.is_failure:
                    await send_problem(problem_told(result.error, self._arrival), self._arrival, send)
                    return
                followed = self._followed(result.value, watch, head, seen)
                async with Stream(receive, send, ended, streams.settings) as stream:
                    await stream.tell(BEAT)  # so that a client knows at once that it is open
                    await self._follow(stream, followed, result, watch)
        except Stalled:
            return  # the server breaks it off
        except TwofoldError as error:  # raised before the stream, which tells of its own
            await send_problem(problem_told(error, self._arrival), self._arrival, send)

    def _followed(self, value: object, watch: Watch, head: int, seen: int | None) -> FollowedAnswer | FollowedEvents:
        if not isinstance(value, Feed):
            return FollowedAnswer(self._app, self._handler, self._answer, watch, seen or 0)
        principal = self._origin.principal
        tenant = None if principal is None else principal.tenant
        return FollowedEvents(self._app, self._arrival, tenant=tenant, watch=watch, head=head, seen=seen)

    async def _follow(
        self, stream: Stream, followed: FollowedAnswer | FollowedEvents, first: Result[Any, Any], watch: Watch
    ) -> None:
        result = first
        try:
            while True:
                if result.is_success:
                    result = await self._deliver(stream, followed, result)
                if result.is_failure and not self._passes(result.error):
                    await self._end(stream, problem_told(result.error, self._arrival))
                    return
                if result.is_failure:
                    await stream.beat()
                    await stream.rest(min(_TROUBLE, stream.settings.heartbeat))
                if not stream.open or not self._app.running:
                    return
                result = await self._again(followed, watch)
        except Stalled:
            raise
        except Exception as error:  # noqa: BLE001  # logged with its traceback; a response that has begun has no status
            await self._end(stream, problem_raised(error, self._arrival))

    async def _deliver(
        self, stream: Stream, followed: FollowedAnswer | FollowedEvents, result: Result[Any, Any]
    ) -> Result[Any, Any]:
        """Tell what there is and wait for more; a Failure when that cannot be told."""
        try:
            await followed.deliver(stream, result.value)
        except TwofoldError as error:
            return Failure(error)
        return result

    def _passes(self, error: object) -> bool:
        """Whether something is wrong that passes by itself, so that the stream stays open."""
        return self._arrival.classifier.of_value(error).family is Family.UNAVAILABLE

    async def _again(self, followed: FollowedAnswer | FollowedEvents, watch: Watch) -> Result[Any, Any]:
        try:
            position = await followed.position()
            return await self._send(await self._arrival.renewed(self._request), position, watch)
        except TwofoldError as error:
            return Failure(error)

    async def _send(self, origin: Origin, position: int, watch: Watch) -> Result[Any, Any]:
        known = origin.receipt or Receipt()
        receipt = Receipt(max(known.asked, position), wait=known.wait)
        result = await self._app.router.send(Kind.QUERY, self._message, replace(origin, receipt=receipt))
        if result.is_success and result.value is None and self._answer.optional:
            return Failure(nothing_found())
        if isinstance(result.value if result.is_success else None, Feed) and watch.blind:
            return Failure(Unavailable("this process does not see the log"))
        return result

    async def _end(self, stream: Stream, problem: Problem) -> None:
        document = problem.document(self._arrival.correlation_id, self._arrival.problems)
        await stream.tell(frame(document, event="problem"))

    async def _last_seen(self) -> int | None:
        """The position that the client says it has seen last.

        Raises:
            Invalid: It is no position, or one that the log has not come to; or it came more than once.
        """
        refuse_repeated(self._arrival.repeated, _LAST_SEEN)
        sent = self._arrival.headers.get(b"last-event-id", b"")
        if not sent:
            return None
        if not sent.isdigit() or len(sent) > _LONGEST_POSITION or not await self._app.has_reached(int(sent)):
            text = "this is to be the id of an event, as it was given out"
            raise Invalid(findings=[Finding(path=(_LAST_SEEN,), rule="header", message=text)])
        return int(sent)

    def _client(self) -> str:
        """Whose place a stream takes: a user's, or an address's where nobody is known."""
        principal = self._origin.principal
        return self._arrival.address if principal is None else f"{principal.tenant!r} {principal.user_id}"
