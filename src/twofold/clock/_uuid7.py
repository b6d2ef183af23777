"""UUIDv7 for a Python whose standard library has none; nothing but the clock imports this."""

from uuid import UUID

import uuid_utils

from twofold.clock._uuid import uuid_of


def uuid7() -> UUID:
    """What `uuid_utils.compat.uuid7` gives."""
    return uuid_of(uuid_utils.uuid7().int)
