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
    """

    code: ClassVar[str] = "not_yet_visible"

    def __init__(self, *, position: int, reached: int, behind: Sequence[str], waited: float) -> None:
        super().__init__()
        self.position, self.reached, self.behind, self.waited = position, reached, tuple(behind), waited

    @property
    def detail(self) -> str:
        names = ", ".join(self.behind)
        return f"position {self.position} is not yet visible in {names} (at {self.reached}) after {self.waited:g} s"

    @property
    def hint(self) -> str:
        return (
            "ask again: a worker that takes over from a dead one waits for its lease first; when it stays so, one is"
            " missing or its projection fails"
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
