"""UUIDs from their number, without the look-up of an enum member that the standard library does at each one."""

from typing import Final
from uuid import UUID, SafeUUID

_UNKNOWN: Final = SafeUUID.unknown
_set = object.__setattr__


def uuid_of(number: int) -> UUID:
    """What `UUID(int=number)` gives, in a third of its time; the number is below 2^128."""
    made = object.__new__(UUID)
    _set(made, "int", number)
    _set(made, "is_safe", _UNKNOWN)
    return made
