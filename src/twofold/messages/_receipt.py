"""How far the messages of one caller have come in the log, so that the caller can wait for its own writes."""

import math
from typing import Final, final

from twofold.errors import WiringError

USUAL_WAIT: Final = 2.0
"""How long a query waits for the writes of its caller, in seconds, unless somebody says otherwise."""


@final
class Receipt:
    """What a caller has written, as positions in the log; an `Origin` carries it to every message of the caller.

    Units of work note in it what they commit, and the queries of the caller read it.

    Args:
        asked: A position that the caller knows from elsewhere: from another process, or from a request before.
        wait: How long its queries wait, in seconds; 0 to look once.

    Raises:
        WiringError: That is no time that anybody can wait.
    """

    __slots__ = ("answer", "asked", "version", "wait", "written")

    def __init__(self, asked: int = 0, *, wait: float = USUAL_WAIT) -> None:
        if not 0 <= wait < math.inf:
            raise WiringError(f"a query cannot wait {wait!r} seconds")
        self.asked = asked
        self.wait = wait
        self.written = 0
        """The last position that was committed here; 0 while there is none."""
        self.version: int | None = None
        """The version that the aggregate or stream reached which was decided about there; None for none or several."""
        self.answer: tuple[object, bytes] | None = None
        """What was answered last, and the same as JSON: it was written to be proven, and need not be once more."""

    @property
    def position(self) -> int:
        """What the caller's queries have to see; 0 when it has written nothing."""
        return max(self.asked, self.written)

    def note(self, position: int, version: int | None = None) -> None:
        """Keep the position of a commit, and the version that it reached; one that appended nothing has position 0."""
        if position > self.written:
            self.written, self.version = position, version
