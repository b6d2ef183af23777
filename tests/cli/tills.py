"""The till in three releases, on whatever database it is told; the last one waits for the switch."""

from tests.app.versions import till
from twofold.store import MemoryStore

old = till(1, MemoryStore())
new = till(2, MemoryStore())
slow = till(3, MemoryStore(), switch="manual")
