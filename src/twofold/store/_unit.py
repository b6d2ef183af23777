"""The unit of work: everything one command writes, kept together until its outcome is known.

The pipeline makes one per attempt, commits it after a Success and throws it away otherwise; handlers only add to it.
"""

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, AsyncGenerator, Protocol, final

from twofold.errors import WiringError
from twofold.messages import Catalogue, Context
from twofold.store._batch import ANY_VERSION, Append, Batch, Committed, Draft, Move
from twofold.store._port import Store, Transaction
from twofold.store._rows import RowChange
