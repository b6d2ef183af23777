"""The state of an aggregate as it was at one of its events, so that it need not be folded from the first one again."""

from typing import Final, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from twofold.messages import ERASED

_ERASED: Final = to_json({ERASED: True})


class Snapshot(NamedTuple):
    """What the events of a stream had come to at one of them. A store keeps the newest one of each stream.

    Args:
        stream: The stream.
        version: The version of that event.
        event_id: The id of that event: a stream that has another one there is not the stream it was taken of.
        schema: What the state is written as; whoever expects something else does not read it.
        state: The state, JSON.
    """

    stream: str
    version: int
    event_id: UUID
    schema: str
    state: bytes

    @property
    def is_erased(self) -> bool:
        """Whether its state is what `erased` leaves of it, which is the state of no aggregate."""
        return self.state == _ERASED

    def erased(self) -> "Snapshot":
        """What is left of it once somebody is erased whom it tells of: the marker that events have in their place."""
        return self._replace(state=_ERASED)
