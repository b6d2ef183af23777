"""Stopping processes so that others go on."""

import os
import signal
from contextlib import suppress

import psutil

from tests.cli.served import Served
from twofold.errors import StoreUnavailable
from twofold.store import Store


def freeze(pid: int) -> None:
    """Stop a process, and return when none of its threads runs any more: until then, others of them go on."""
    os.kill(pid, signal.SIGSTOP)
    while not _stands(psutil.Process(pid)):
        pass


async def freeze_worker(worker: Served, store: Store) -> None:
    """Stop a worker at a moment when it does not write: on SQLite nobody else could, until it goes on."""
    while True:
        freeze(worker.process.pid)
        try:
            await store.checkpoints.renew("nobody")
        except StoreUnavailable:
            worker.signal(signal.SIGCONT)
        else:
            return


def _stands(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):  # of a thread that ends meanwhile
        return all(psutil.Process(one.id).status() == psutil.STATUS_STOPPED for one in process.threads())
    return False
