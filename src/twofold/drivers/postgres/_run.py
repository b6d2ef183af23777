"""Runs functions that are given a connection, whether they can await or not."""

import inspect
import sys
from collections.abc import Callable
from typing import Any


async def run(work: Callable[[Any], Any], connection: Any) -> Any:
    """Run a function with a connection, and give what it returns; an awaitable is awaited first.

    A plain `def` may hold a blocking session, whose statements wait for the database in the event loop. SQLAlchemy
    does that with greenlets, so such a function runs in one, where SQLAlchemy is in use at all.

    Args:
        work: What to run.
        connection: What it is given.
    """
    if inspect.iscoroutinefunction(work):
        return await work(connection)
    concurrency = sys.modules.get("sqlalchemy.util.concurrency")
    done = work(connection) if concurrency is None else await concurrency.greenlet_spawn(work, connection)
    return await done if inspect.isawaitable(done) else done
