"""The header by which a client sends a command again, as often as it likes, and has it handled once."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from twofold.dispatch import Idempotency
from twofold.messages import Origin
from twofold.web._headers import refuse_repeated

_HEADER: Final = "Idempotency-Key"
_KEY: Final = _HEADER.lower().encode("ascii")


def with_key(origin: Origin, headers: Mapping[bytes, bytes], repeated: Collection[bytes]) -> Origin:
    """Where a command comes from, with the key that its request gives it, if it does.

    Args:
        origin: Where it comes from.
        headers: The headers of its request.
        repeated: The names of those that came more than once.

    Raises:
        Invalid: There are several keys, and no telling which one counts.
    """
    key = headers.get(_KEY)
    if key is None:
        return origin
    refuse_repeated(repeated, _HEADER)
    return replace(origin, idempotency_key=key.decode("latin-1"))


def key_parameters(settings: Idempotency | None) -> list[dict[str, Any]]:
    """The header that a command takes, as the API document describes it; none where it would mean nothing.

    Args:
        settings: What is said of the command.
    """
    if settings is None or settings.key is not None:
        return []
    return [
        {
            "name": _HEADER,
            "in": "header",
            "required": settings.required,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            "description": "A name of your own for this command, such as a UUID: sent again, it is not done again, and"
            f" answered as it was. Kept for {settings.keep / 3600:g} hours.",
        }
    ]
