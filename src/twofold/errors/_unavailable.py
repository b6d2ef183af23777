"""Passing troubles: nothing is wrong with the message; retry later."""

from collections.abc import Sequence
from typing import ClassVar

from twofold.errors._category import Category
from twofold.errors._error import TwofoldError


class Unavailable(TwofoldError):
    """Something needed is not there now; the base of passing troubles.

    Args:
        text: What is not available.
        retry_after: When to try again, in seconds.
    """

    category: ClassVar[Category] = Category.UNAVAILABLE
    code: ClassVar[str] = "unavailable"

    def __init__(self, text: str | None = None, *, retry_after: float = 1.0) -> None:
        super().__init__(*() if text is None else (text,))
        self.retry_after = retry_after


class TimedOut(Unavailable):
    """The deadline passed before the work could be committed; nothing was written."""

    code: ClassVar[str] = "timed_out"


class StoreUnavailable(Unavailable):
    """The store did not answer, is closed, or refuses writes."""

    code: ClassVar[str] = "store_unavailable"


class NotYetVisible(Unavailable):
    """A query was to see what its caller has written, and the read models are not there yet.

    Args:
        position: What it was to see, as a position in the log.
        reached: How far the last of them has come.
        behind: The projections that have not come so far.
        waited: How long it was waited for them, in seconds.
        failing: Those of them that are views which cannot be refreshed, as far as is known here.
    """

    code: ClassVar[str] = "not_yet_visible"

    def __init__(
        self, *, position: int, reached: int, behind: Sequence[str], waited: float, failing: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.position, self.reached, self.behind, self.waited = position, reached, tuple(behind), waited
        self.failing = tuple(failing)

    @property
    def detail(self) -> str:
        names = ", ".join(self.behind)
        return f"position {self.position} is not yet visible in {names} (at {self.reached}) after {self.waited:g} s"

    @property
    def hint(self) -> str:
        if self.failing:
            names = ", ".join(self.failing)
            return f"{names} cannot be refreshed, since the query of that view fails: the log of the workers says why"
        return (
            "ask again: a worker that takes over from a dead one waits for its lease first; when it stays so, one is"
            " missing, or its projection or view fails, and the log of the workers says why"
        )


class ViewNotRefreshed(Unavailable):
    """The query of a materialized view fails; the rows of its last refresh stay, and it is tried again.

    Args:
        name: The view.
        cause: What its query failed with.
    """

    code: ClassVar[str] = "view_not_refreshed"

    def __init__(self, *, name: str, cause: str) -> None:
        super().__init__(f"view {name} cannot be refreshed: {cause}")
        self.name = name

    @property
    def hint(self) -> str:
        return (
            "mend the rows that it selects, or its statement, under another name; until then it keeps the rows of the"
            " last refresh, and it is tried again every few seconds"
        )


class OutcomeUnknown(Unavailable):
    """A commit was started and its answer never came: the work is whole or absent.

    Retry only with an idempotency key, or look first.
    """

    code: ClassVar[str] = "outcome_unknown"


class Superseded(Unavailable):
    """Another process has taken over what this one would have to write: a newer version of a projection, say.

    Args:
        name: The projection.
        text: How it was found.
    """

    code: ClassVar[str] = "superseded"

    def __init__(self, *, name: str, text: str) -> None:
        super().__init__(f"this process records nothing any more, since it cannot keep projection {name!r}: {text}")
        self.name = name


class VersionNotLive(Unavailable):
    """A query asks for what the version of a projection that its process has keeps, and another version is live.

    Where that one is older, the version of this process is being built: its tables take the place once they have
    caught up. Where it is newer, this process is to be replaced.

    Args:
        name: The projection.
        version: The version that this process has.
        live: The one that is live.
    """

    code: ClassVar[str] = "version_not_live"

    def __init__(self, *, name: str, version: int, live: int) -> None:
        super().__init__(retry_after=5.0)
        self.name, self.version, self.live = name, version, live

    @property
    def detail(self) -> str:
        return f"version {self.version} of projection {self.name!r} is not live, and {self.live} lacks what it has"

    @property
    def hint(self) -> str:
        return (
            "ask again once it is built, or another process; `twofold projections rebuild` builds a version before"
            " processes are replaced"
        )


class NewerVersion(Unavailable):
    """The log has an event of a version that this process does not know yet: a newer one of the application wrote it.

    Nothing is wrong with the event. Whoever follows the log puts it aside with its stream, and the first process that
    knows it goes on there.

    Args:
        name: The wire name of the event.
        version: The version of its schema.
        known: The newest one that is known here.
    """

    code: ClassVar[str] = "newer_version"

    def __init__(self, *, name: str, version: int, known: int) -> None:
        super().__init__()
        self.name, self.version, self.known = name, version, known

    @property
    def detail(self) -> str:
        return f"{self.name!r} is in the log with version {self.version}, and this process knows {self.known}"

    @property
    def hint(self) -> str:
        return "replace this process by one of the newer application that wrote it"


class RateLimited(Unavailable):
    """More was asked than a limit allows.

    Args:
        name: What is limited: a message type, or a limit that several share.
        rate: The limit, as in `100/minute`.
        retry_after: When there is room again, in seconds.
    """

    category: ClassVar[Category] = Category.RATE_LIMITED
    code: ClassVar[str] = "rate_limited"

    def __init__(self, *, name: str, rate: str, retry_after: float) -> None:
        super().__init__(retry_after=retry_after)
        self.name, self.rate = name, rate

    @property
    def detail(self) -> str:
        return f"{self.name} is limited to {self.rate}"

    @property
    def hint(self) -> str:
        return f"ask again in {self.retry_after:.3g} s"


class CircuitOpen(Unavailable):
    """A circuit breaker is open: what stands behind it has kept failing, and is left alone for a while.

    Args:
        name: The breaker.
        retry_after: When it lets a call through again, in seconds.
    """

    code: ClassVar[str] = "circuit_open"

    def __init__(self, *, name: str, retry_after: float) -> None:
        super().__init__(retry_after=retry_after)
        self.name = name

    @property
    def detail(self) -> str:
        return f"{self.name} has kept failing, and is not called for now"

    @property
    def hint(self) -> str:
        return f"ask again in {self.retry_after:.3g} s"


class BulkheadFull(Unavailable):
    """As many as may run at once are running, and as many as may wait are waiting.

    Args:
        name: The bulkhead.
        concurrent: How many run at once.
        waiting: How many wait.
        retry_after: When to try again, in seconds.
    """

    code: ClassVar[str] = "bulkhead_full"

    def __init__(self, *, name: str, concurrent: int, waiting: int, retry_after: float = 1.0) -> None:
        super().__init__(retry_after=retry_after)
        self.name, self.concurrent, self.waiting = name, concurrent, waiting

    @property
    def detail(self) -> str:
        return f"{self.name} is busy: {self.concurrent} run and {self.waiting} wait"

    @property
    def hint(self) -> str:
        return "ask again in a moment; if it stays so, raise concurrent= or waiting= of its bulkhead"
