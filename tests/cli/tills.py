"""The till in three releases, on whatever database it is told; the last one waits for the switch."""

from tests.app.versions import till
from twofold.store import MemoryStore


def refuse(amount: int) -> None:
    """Fail at one amount."""
    if amount == 2:
        raise LookupError("no such account")


old = till(1, MemoryStore())
new = till(2, MemoryStore())
broken = till(2, MemoryStore(), look=refuse)
slow = till(3, MemoryStore(), switch="manual")
