"""Stopping a worker so that others go on."""

import signal

from tests.cli.served import Served
from twofold.errors import StoreUnavailable
from twofold.store import Store


async def freeze(worker: Served, store: Store) -> None:
    """Stop a worker at a moment when it does not write: on SQLite nobody else could, until it goes on."""
    while True:
        worker.signal(signal.SIGSTOP)
        try:
            await store.checkpoints.renew("nobody")
        except StoreUnavailable:
            worker.signal(signal.SIGCONT)
        else:
            return
