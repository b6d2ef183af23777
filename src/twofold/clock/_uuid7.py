"""UUIDv7 for a Python whose standard library has none; nothing but the clock imports this."""

from typing import Final
from uuid import UUID, SafeUUID

import uuid_utils

_UNKNOWN: Final = SafeUUID.unknown
_set = object.__setattr__


def uuid7() -> UUID:
    """What `uuid_utils.compat.uuid7` gives, in two thirds of its time: it looks up a member of an enum at each call."""
    made = object.__new__(UUID)
    _set(made, "int", uuid_utils.uuid7().int)
    _set(made, "is_safe", _UNKNOWN)
    return made
