"""Letting a log go on after an older backup of its file was restored, in the transaction that is open."""

import secrets
from sqlite3 import Connection

from twofold.drivers.sqlite._guard import own
from twofold.drivers.sqlite._log import epoch, head
from twofold.store import GAP, Epoch


def begin_epoch(connection: Connection, seen: int) -> Epoch:
    """Give the log another name, let its positions go on behind all that anybody may have seen, and join it.

    Args:
        connection: The connection, in a transaction.
        seen: The last position that anybody is known to have seen.
    """
    at = head(connection)
    begun = Epoch(name=secrets.token_hex(16), before=epoch(connection), head=at, start=max(at, seen) + GAP)
    connection.execute(own("UPDATE twofold_meta SET value = ? WHERE name = 'epoch'"), (begun.name,))
    # AUTOINCREMENT goes on behind this number; there is no row before the first event.
    if not connection.execute(_GO_ON, (begun.start,)).rowcount:
        connection.execute(_GO_ON_FROM_NOTHING, (begun.start,))
    join_epoch(connection, begun)
    return begun


def join_epoch(connection: Connection, begun: Epoch) -> None:
    """Let the checkpoints of a log follow its new epoch, unless they have seen what was lost."""
    values = {"name": begun.name, "before": begun.before, "head": begun.head}
    connection.execute(_JOIN, values)


_GO_ON = own("UPDATE sqlite_sequence SET seq = ? WHERE name = 'twofold_events'")
_GO_ON_FROM_NOTHING = own("INSERT INTO sqlite_sequence (name, seq) VALUES ('twofold_events', ?)")
_JOIN = own(
    "UPDATE twofold_checkpoints SET epoch = iif(position <= :head, :name, :before), owner = '', token = token + 1"
    " WHERE epoch = :before OR (epoch = '' AND position > 0)"
)
