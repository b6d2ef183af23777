"""What every handler has at hand: a logger, numbers to count, and a stack of facts that its log lines carry."""

import logging
import time
from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeAlias

Facts: TypeAlias = Mapping[str, Any]

_stack: ContextVar[tuple[Facts, ...]] = ContextVar("twofold_facts", default=())


class Metrics:
    """Numbers that a handler counts by name."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[str, float] = {}

    def record(self, key: str, value: float = 1.0) -> None:
        """Add to a number."""
        self._values[key] = self._values.get(key, 0.0) + value

    def get(self, key: str) -> float:
        """A number; 0.0 when it was never recorded."""
        return self._values.get(key, 0.0)

    def all(self) -> dict[str, float]:
        """All numbers, as a copy."""
        return dict(self._values)


class ContextStack:
    """Facts about what this task is doing; they belong to the task, never to the handler."""

    __slots__ = ()

    def push(self, facts: Facts) -> None:
        """Put facts on top; what is below stays."""
        _stack.set((*_stack.get(), MappingProxyType(dict(facts))))

    def pop(self) -> Facts | None:
        """Take the topmost facts off; None when there are none."""
        stack = _stack.get()
        _stack.set(stack[:-1])
        return stack[-1] if stack else None

    def current(self) -> dict[str, Any]:
        """All facts of this task merged, the topmost winning."""
        merged: dict[str, Any] = {}
        for facts in _stack.get():
            merged.update(facts)
        return merged


class Tracked:
    """A block that is counted and timed: `<operation>.count`, `.failures` and `.seconds`."""

    __slots__ = ("_metrics", "_operation", "_started")

    def __init__(self, operation: str, metrics: Metrics) -> None:
        self._operation = operation
        self._metrics = metrics
        self._started = 0.0

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._metrics.record(f"{self._operation}.count")
        self._metrics.record(f"{self._operation}.seconds", time.perf_counter() - self._started)
        if kind is not None:
            self._metrics.record(f"{self._operation}.failures")


class Tools:
    """The tools of one registered handler.

    Args:
        name: The handler's name; its logger is `twofold.handler.<name>`.
    """

    __slots__ = ("context", "logger", "metrics")

    def __init__(self, name: str) -> None:
        self.logger = logging.getLogger(f"twofold.handler.{name}")
        self.metrics = Metrics()
        self.context = ContextStack()

    def track(self, operation: str) -> Tracked:
        """Count and time a block."""
        return Tracked(operation, self.metrics)


def open_facts() -> Token[tuple[Facts, ...]]:
    """Remember the stack as it is before a handler runs."""
    return _stack.set(_stack.get())


close_facts = _stack.reset
"""Drop what a handler pushed and did not pop."""


def bound_facts() -> dict[str, Any]:
    """The facts of this task, for a log formatter."""
    return ContextStack().current()
