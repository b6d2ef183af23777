"""Reading a JSON body: bounded before it is held, in time, in depth and values before it is parsed, and strict when it
is.

pydantic's parser is lenient where clients and proxies disagree: it takes the last of two equal keys, and NaN. So a body
passes a strict reading first, and the very same bytes are then given to pydantic.
"""

import json
import math
import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from itertools import accumulate
from time import monotonic
from typing import Any, Final, NamedTuple, NoReturn, cast

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from twofold.errors import Finding, Invalid, TimedOut, TooLarge
from twofold.reliability import Deadlines

DEEPEST: Final = 32
MOST_VALUES: Final = 100_000

_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKET: Final = bytes(sorted(set(range(256)) - set(b"[]{}")))
_STEP: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class BodyBounds(NamedTuple):
    """What a body may take.

    Args:
        size: How many bytes.
        patience: How many seconds, until all of it is there.
        deadlines: Sees to that.
    """

    size: int
    patience: float
    deadlines: Deadlines


class Late(Exception):
    """A body did not come whole in time."""


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, bounds: BodyBounds) -> bytes:
    """The whole body of a request.

    Args:
        headers: The request's headers.
        receive: Where its parts come from.
        bounds: What it may take.

    Raises:
        TooLarge: It is larger; the rest was not read.
        Late: It has not come whole in time.
        ClientDisconnect: It never came to its end.
    """
    limit, declared = bounds.size, headers.get(b"content-length", b"0")
    if declared.isdigit() and (len(declared) > len(str(limit)) or int(declared) > limit):
        raise TooLarge(limit=limit)
    try:
        with bounds.deadlines.within(monotonic() + bounds.patience):
            return await _whole(receive, limit)
    except TimedOut as error:
        raise Late from error


async def _whole(receive: Receive, limit: int) -> bytes:
    body, more = b"", True
    parts: list[bytes] = []
    size = 0
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body, more = message.get("body", b""), message.get("more_body", False)
        size += len(body)
        if size > limit:
            raise TooLarge(limit=limit)
        parts.append(body)
    return body if len(parts) == 1 else b"".join(parts)


def read_object(body: bytes) -> dict[str, Any]:
    """A JSON object, read strictly.

    Args:
        body: The bytes; nothing at all reads as an empty object.

    Raises:
        Invalid: It is no JSON, nested too deeply, has too many values, a key twice or a number that is none, or is no
            object.
    """
    if not body:
        return {}
    if body.startswith(BOM_UTF8):
        raise _refusal("json_invalid", "no valid JSON: the body begins with a byte order mark")
    if body.count(b"{") + body.count(b"[") > DEEPEST and _depth(body) > DEEPEST:
        raise _refusal("json_depth", f"JSON may be nested {DEEPEST} levels deep")
    if body.count(b",") >= MOST_VALUES and _STRING.sub(b"", body).count(b",") >= MOST_VALUES:
        raise _refusal("json_values", f"JSON may have {MOST_VALUES} values")
    try:
        found: object = _STRICT.decode(body.decode())
    except Invalid:
        raise
    except UnicodeDecodeError as error:
        raise _refusal("json_invalid", "JSON is to be encoded in UTF-8") from error
    except (ValueError, RecursionError) as error:
        told = str(error) if isinstance(error, json.JSONDecodeError) else "a number is out of range"
        raise _refusal("json_invalid", f"no valid JSON: {told}") from error
    if not isinstance(found, dict):
        raise _refusal("json_type", "the body is to be a JSON object")
    return cast("dict[str, Any]", found)


def _depth(body: bytes) -> int:
    """How deeply brackets are nested, those in strings left out; linear whatever is in there."""
    brackets = _STRING.sub(b"", body).translate(None, delete=_NO_BRACKET)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _refusal("json_duplicate", "an object has a key twice")
    return found


def _no_constant(text: str) -> NoReturn:
    raise _refusal("json_number", f"{text} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _refusal("json_number", "a number is out of range")
    return number


def _refusal(rule: str, text: str) -> Invalid:
    return Invalid(findings=[Finding(rule=rule, message=text)])


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
