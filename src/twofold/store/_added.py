"""What handlers add to a unit of work: events, where they go, and what they are in the log and before it."""

from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

from twofold.store._batch import ANY_VERSION, Append, Committed, Draft
from twofold.store._fact import Fact
from twofold.store._recorded import Recorded

Added: TypeAlias = tuple[str, int, Any, Draft]
"""A stream, the version that it is expected at, an event, and the same as it is written."""


def appends_of(facts: Sequence[Added]) -> tuple[Append, ...]:
    """One append for each run of events of one stream whose expected versions agree."""
    if len(facts) == 1:  # most units have one, and it is a run of its own
        [(stream, expected, _, draft)] = facts
        return (Append(stream, (draft,), expected),)
    runs: list[tuple[str, int, list[Draft]]] = []
    for stream, expected, _, draft in facts:
        if runs:
            last, first, drafts = runs[-1]
            follows = expected == ANY_VERSION or (first != ANY_VERSION and expected == first + len(drafts))
            if stream == last and follows:
                drafts.append(draft)
                continue
        runs.append((stream, expected, [draft]))
    return tuple([Append(stream, tuple(drafts), expected) for stream, expected, drafts in runs])


def decided_versions(facts: Sequence[Added], committed: Committed, attempts: Collection[str]) -> list[int | None]:
    """The versions that a commit has left streams at which somebody has decided about, but those of attempts."""
    streams: dict[str, None] = {}
    for stream, expected, _, _ in facts:
        if expected != ANY_VERSION and stream not in attempts:
            streams[stream] = None
    return [*map(committed.versions.get, streams)]


def as_facts(facts: Sequence[Added]) -> list[Fact]:
    """The events with what is known of them before they are in the log."""
    seen: dict[str, int] = {}
    result: list[Fact] = []
    for stream, expected, event, draft in facts:
        version = seen[stream] + 1 if stream in seen else 0
        if expected != ANY_VERSION:
            version = expected + 1
        if version:
            seen[stream] = version
        recorded = Recorded(
            0,
            stream,
            version,
            draft.id,
            draft.type,
            draft.schema_version,
            draft.data,
            draft.headers,
            draft.time,
            draft.tags,
        )
        result.append(Fact(event, recorded))
    return result
