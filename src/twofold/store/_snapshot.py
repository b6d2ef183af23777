"""The state of an aggregate as it was at one of its events, so that it need not be folded from the first one again."""

from typing import NamedTuple
from uuid import UUID


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
