"""An event as it stands in the log."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Recorded(NamedTuple):
    """An event as it stands in the log.

    Args:
        position: Its place in the whole log; grows, with holes.
        stream: The stream it belongs to.
        version: Its place in that stream: 1, 2, 3, …
        id: Its id.
        type: Its wire name.
        schema_version: The version of its schema.
        data: The encoded event, JSON.
        headers: Metadata: causation, correlation, user, tenant, trace.
        time: When it happened, in UTC.
        tags: What it concerns.
    """

    position: int
    stream: str
    version: int
    id: UUID
    type: str
    schema_version: int
    data: bytes
    headers: Mapping[str, str]
    time: datetime
    tags: tuple[str, ...] = ()
