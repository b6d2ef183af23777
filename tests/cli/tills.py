"""The till in three releases, on whatever database it is told; the last one waits for the switch."""

from tests.app.versions import till
from twofold.store import MemoryStore, SchemaState


def refuse(amount: int) -> None:
    """Fail at one amount."""
    if amount == 2:
        raise LookupError("no such account")


def expect(amount: int) -> None:
    """Have an error of twofold's own raised from a line of this file."""
    if amount == 2:
        SchemaState(taken=1, known=0).refuse_newer()


old = till(1, MemoryStore())
new = till(2, MemoryStore())
broken = till(2, MemoryStore(), look=refuse)
inside = till(2, MemoryStore(), look=expect)
slow = till(3, MemoryStore(), switch="manual")
