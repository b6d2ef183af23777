"""Parked streams and events as the command line shows them: as a row, as lines, and as data for machines."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from twofold.middleware import printable
from twofold.store import Parked, is_of_log
from twofold.subscriptions import ParkedEvent, ParkedStream


def stream_row_of(one: ParkedStream) -> tuple[str, ...]:
    """Subscription, stream, first position, how many events, since, cause."""
    first = one.first
    cause = first.cause or "waits to be tried again"
    words = first.subscription, first.stream, str(first.position), str(one.count), _time(first.time), cause
    return tuple(map(printable, words))


def stream_as_dict(one: ParkedStream) -> dict[str, Any]:
    """The same, ready for JSON."""
    first = one.first
    return {
        "subscription": first.subscription,
        "stream": first.stream,
        "position": first.position,
        "parked": one.count,
        "since": first.time.isoformat(),
        "cause": first.cause,
        "due": first.due,
    }


def row_of(one: Parked) -> tuple[str, ...]:
    """Subscription, position, stream, type, cause, attempts, since."""
    cause = one.cause or "waits behind another"
    words = one.subscription, str(one.position), one.stream, one.type, cause, str(one.attempts), _time(one.time)
    return tuple(map(printable, words))


def as_dict(one: Parked, event: ParkedEvent | None = None) -> dict[str, Any]:
    """Everything that is known, ready for JSON.

    Args:
        one: What its subscription has noted.
        event: The same with its entry in the log, when that was asked for.
    """
    noted: dict[str, Any] = {
        "subscription": one.subscription,
        "position": one.position,
        "stream": one.stream,
        "type": one.type,
        "cause": one.cause,
        "attempts": one.attempts,
        "since": one.time.isoformat(),
        "due": one.due,
        "edited": one.data is not None and is_of_log(one.subscription),
    }
    if event is None:
        return noted
    recorded = event.recorded
    logged: dict[str, Any] | None = None
    if recorded is not None:
        logged = {
            "version": recorded.version,
            "id": str(recorded.id),
            "schema_version": recorded.schema_version,
            "time": recorded.time.isoformat(),
            "tags": recorded.tags,
            "headers": dict(recorded.headers),
            "data": _json(recorded.data),
        }
    return {**noted, "data": _json(event.data), "log": logged, "trace": one.trace}


def lines_of(event: ParkedEvent) -> Iterator[str]:
    """The event, its data, and what went wrong where; safe for a terminal."""
    one, recorded = event.parked, event.recorded
    facts = {
        "subscription": one.subscription,
        "position": str(one.position),
        "stream": one.stream,
        "type": one.type,
        "parked": f"{_time(one.time)}, after {one.attempts} attempts",
        "asked for": "to be tried again" if one.due else "",
    }
    if recorded is not None:
        facts |= {"version": str(recorded.version), "id": str(recorded.id), "recorded": _time(recorded.time)}
        facts |= {"tags": ", ".join(recorded.tags), **dict(sorted(recorded.headers.items()))}
    width = max(map(len, facts))
    for name, fact in facts.items():
        if fact:
            yield f"{printable(name):{width}}  {printable(fact)}"
    if one.data is not None:
        title = "data, as it was edited" if is_of_log(one.subscription) else "message, as it came or was edited"
        yield from _block(title, _pretty(one.data))
    if not is_of_log(one.subscription):
        pass  # the log has never had it
    elif recorded is None:
        yield from _block("data, in the log", "the event is no longer there")
    else:
        yield from _block("data, in the log", _pretty(recorded.data))
    yield from _block("cause", one.cause or "it waits behind another event of its stream")
    if one.trace:
        yield from _block("stack trace", one.trace)


def _block(title: str, text: str) -> Iterator[str]:
    yield ""
    yield title
    for line in text.rstrip().splitlines():
        yield f"  {printable(line)}".rstrip()


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _json(data: bytes) -> Any:
    """What is in the log may be what keeps it from being handled: text when it is no JSON."""
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="backslashreplace")


def _pretty(data: bytes) -> str:
    return json.dumps(_json(data), indent=2, ensure_ascii=False)
