"""UUIDs in less time than the standard library takes: of version 7, from their number, and as text."""

import sys
from typing import Final
from uuid import UUID, SafeUUID

_UNKNOWN: Final = SafeUUID.unknown
_new = object.__new__
_set_number = UUID.__dict__["int"].__set__
_set_safety = UUID.__dict__["is_safe"].__set__


def uuid_of(number: int) -> UUID:
    """What `UUID(int=number)` gives, in a quarter of its time; the number is below 2^128."""
    made = _new(UUID)
    _set_number(made, number)
    _set_safety(made, _UNKNOWN)
    return made


if sys.version_info >= (3, 14):
    from uuid import uuid7

    def text_of(raw: bytes) -> str:
        """What `str(UUID(bytes=raw))` gives."""
        return str(UUID(bytes=raw))
else:
    import uuid_utils

    _draw = uuid_utils.uuid7

    def uuid7() -> UUID:
        """What `uuid_utils.compat.uuid7` gives; not by `uuid_of`, whose call takes a tenth of it."""
        made = _new(UUID)
        _set_number(made, _draw().int)
        _set_safety(made, _UNKNOWN)
        return made

    def text_of(raw: bytes) -> str:
        """What `str(UUID(bytes=raw))` gives, in a third of its time."""
        return str(uuid_utils.UUID(bytes=raw))


__all__ = ["text_of", "uuid7", "uuid_of"]
