"""UUIDs from their number, without the look-up of an enum member that the standard library does at each one."""

from typing import Final
from uuid import UUID, SafeUUID

_UNKNOWN: Final = SafeUUID.unknown
_set = object.__setattr__


def text_of(raw: bytes) -> str:
    """What `str(UUID(bytes=raw))` gives, in a third of its time."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def uuid_of(number: int) -> UUID:
    """What `UUID(int=number)` gives, in a third of its time; the number is below 2^128."""
    made = object.__new__(UUID)
    _set(made, "int", number)
    _set(made, "is_safe", _UNKNOWN)
    return made
