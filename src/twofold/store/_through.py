"""Carrying work through that must not be torn: whoever waits for it may be cancelled, the work is not."""

import asyncio
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from twofold.errors import Decided

T = TypeVar("T")


async def carried_through(work: Coroutine[Any, Any, T]) -> T:
    """Wait for the end of something, even when cancelled; the cancellation comes after it.

    Raises:
        CancelledError: The caller was cancelled meanwhile; its cause, a `Decided`, tells what the work has come to.
    """
    loop = asyncio.get_running_loop()
    ended = loop.create_future()  # a shield would come around once more in the event loop, for each commit
    task = loop.create_task(_carry(work, ended))
    try:
        await ended
    except asyncio.CancelledError as cancelled:
        while not task.done():
            with suppress(asyncio.CancelledError):  # the first one is raised again once all is decided
                await asyncio.wait({task})
        raise cancelled from _decided(task)
    return task.result()


def _decided(task: asyncio.Task[Any]) -> Decided | None:
    if task.cancelled():
        return None
    error = task.exception()
    return Decided(task.result()) if error is None else Decided(error=error)


async def _carry(work: Awaitable[T], ended: asyncio.Future[None]) -> T:
    try:
        return await work
    finally:
        if not ended.done():
            ended.set_result(None)
