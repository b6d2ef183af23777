"""Reading one's own writes over HTTP: a command's response says which position it reached, and a query may ask for one.

The position is all that a client carries from the command service to the query service; a session on either side is
not needed.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from twofold.app import App
from twofold.errors import Finding, Invalid
from twofold.messages import Receipt
from twofold.web._headers import refuse_repeated

POSITION: Final = "Twofold-Position"
WAIT: Final = "Twofold-Wait"
MAX_WAIT: Final = 10.0
"""The longest that a client may have a query wait, in seconds, unless the application says otherwise."""

_PREFER: Final = b"prefer"
_PREFERRED: Final = re.compile(rb'wait[ \t]*=[ \t]*"?([0-9]{1,9})"?', re.IGNORECASE)
_POSITION: Final = POSITION.lower().encode("ascii")
_WAIT: Final = WAIT.lower().encode("ascii")
_NUMBER: Final = re.compile(rb"[0-9]{1,18}")
_SECONDS: Final = re.compile(rb"[0-9]{1,9}(\.[0-9]{1,9})?")
_WRITTEN: Final = "this is to be seconds in digits, such as 2.5: up to nine digits, and after a point up to nine more"


async def receipt_of(headers: Mapping[bytes, bytes], repeated: Collection[bytes], app: App, max_wait: float) -> Receipt:
    """What a request has to see, how long it waits for that, and room for what it writes.

    Args:
        headers: The request's headers.
        repeated: The names of those that came more than once.
        app: The application.
        max_wait: The longest that it may wait, in seconds.

    Raises:
        Invalid: A header came more than once, is no number, or asks for a position that the log has not come to.
    """
    refuse_repeated(repeated, POSITION, WAIT)
    position, wait = _bare(headers.get(_POSITION)), _bare(headers.get(_WAIT))
    seconds = min(app.said.wait, max_wait)
    if wait is not None:
        if not _SECONDS.fullmatch(wait):
            raise _invalid(WAIT, _WRITTEN)
        seconds = min(float(wait), max_wait)
    elif (preferred := _preferred(headers)) is not None:
        seconds = min(preferred, max_wait)
    if position is None:
        return Receipt(wait=seconds)
    if not _NUMBER.fullmatch(position):
        raise _invalid(POSITION, "this is to be a position, as a response has given it out")
    if not await app.has_reached(int(position)):
        raise _invalid(POSITION, "the log has not come to this position")
    return Receipt(int(position), wait=seconds)


def stamp_of(receipt: Receipt | None) -> list[tuple[bytes, bytes]]:
    """The header of a response, when its request has written something."""
    return [] if receipt is None or not receipt.written else [(_POSITION, b"%d" % receipt.written)]


def applied(headers: Mapping[bytes, bytes], receipt: Receipt | None) -> list[tuple[bytes, bytes]]:
    """The header of a query's response that says for how long it would wait, when its request has preferred a time.

    Args:
        headers: The request's headers.
        receipt: What the request has to see; None when nobody has come to look.
    """
    if receipt is None or _WAIT in headers or _preferred(headers) is None:
        return []
    return [(b"preference-applied", b"wait=%d" % receipt.wait)]


def _bare(value: bytes | None) -> bytes | None:
    """A value without the blanks around it, which are no part of it (RFC 9110, 5.5); not every server strips them."""
    return None if value is None else value.strip(b" \t")


def _preferred(headers: Mapping[bytes, bytes]) -> float | None:
    """The seconds of `Prefer: wait=…` (RFC 7240); None without, and where it is not understood: nobody is refused."""
    sent = headers.get(_PREFER)
    for one in () if sent is None else sent.split(b","):
        found = _PREFERRED.fullmatch(one.partition(b";")[0].strip())
        if found is not None:
            return float(found[1])
    return None


def position_parameters(max_wait: float) -> list[dict[str, Any]]:
    """The headers that a query takes, as the API document describes them.

    Args:
        max_wait: The longest that it may wait, in seconds.
    """
    return [
        {
            "name": POSITION,
            "in": "header",
            "required": False,
            "schema": {"type": "integer", "minimum": 0},
            "description": "What the answer has to show: the position that the response of a command gave out.",
        },
        {
            "name": WAIT,
            "in": "header",
            "required": False,
            "schema": {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?$"},
            "description": f"How long to wait for that position, in seconds; {max_wait:g} at most. Then it is a 503.",
        },
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": f"`wait=…` (RFC 7240) says the same in whole seconds, where `{WAIT}` says nothing.",
        },
    ]


PREFERENCE_GIVEN: Final[Mapping[str, Any]] = {
    "Preference-Applied": {
        "description": "How long this would have waited, `wait=…` in seconds, when its request has preferred a time.",
        "schema": {"type": "string"},
    }
}
"""The header of a query's response, as the API document describes it."""

POSITION_GIVEN: Final[Mapping[str, Any]] = {
    POSITION: {
        "description": "The position that this has reached in the log, to send with queries that have to see it.",
        "schema": {"type": "integer"},
    }
}
"""The header of a command's response, as the API document describes it."""


def _invalid(header: str, text: str) -> Invalid:
    return Invalid(findings=[Finding(path=(header,), rule="header", message=text)])
