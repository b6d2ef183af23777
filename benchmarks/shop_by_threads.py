"""The same endpoints by hand, in an event loop that never waits for a file: one thread writes, and one reads.

It is the floor of what is measured over HTTP: no pipeline, no unit of work, nothing checked but body and version.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from benchmarks.append_by_hand import InThread
from benchmarks.shop_endpoints import Read, Row, add_endpoints, opened


@asynccontextmanager
async def _threads(web: FastAPI) -> AsyncGenerator[None]:
    path = Path(os.environ["BENCHMARK_DATABASE"])
    opened().close()
    async with InThread(path, writes=True) as writing, InThread(path, writes=False) as reading:
        add_endpoints(web, writing.run, _rows_in(reading))
        yield


def _rows_in(reading: InThread) -> Read:
    async def read(sql: str, values: Row) -> list[Row]:
        return await reading.run(lambda connection: connection.execute(sql, values).fetchall())

    return read


asgi = FastAPI(lifespan=_threads)
