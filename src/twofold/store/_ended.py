"""Why a transaction that was held open is over, in the words of every store."""

from typing import Final

ENDED: Final = "the transaction has ended"


def held_too_long(limit: float) -> str:
    """Why one is gone that did not end by itself.

    Args:
        limit: How long it might be held, in seconds.
    """
    way_out = "do what is slow elsewhere, or raise turn_timeout"
    return f"the transaction was held longer than {limit} s and was rolled back: {way_out}"
