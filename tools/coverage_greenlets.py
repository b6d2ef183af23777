"""Lets coverage find the stack of a greenlet in a plain dictionary.

At each call and return of each function coverage's tracer in C looks up the running greenlet in a
`weakref.WeakKeyDictionary`, whose methods are Python code: of what a traced test costs, two fifths. On Python 3.11
its callbacks for greenlets that are gone can also hang the interpreter, when many threads end at once: they run in a
pending call, and a second one that waits lets no traced function begin. A `dict` is faster and has no callbacks; it
keeps each greenlet, a few hundred bytes, until the process ends.
"""

import weakref
from collections.abc import Callable
from typing import Any

from coverage import Coverage
from coverage.collector import Collector
from coverage.tracer import CTracer


def keep_greenlets() -> None:
    """Give every tracer from now on a dictionary; nothing where coverage does not trace in C."""
    coverage = Coverage.current()
    collector = None if coverage is None else coverage._collector
    if collector is None or collector.core.tracer_class is not CTracer:
        return
    Collector._start_tracer = _with_dictionaries(Collector._start_tracer)  # type: ignore[method-assign]  # it has no hook
    Collector._installation_trace = _with_dictionaries(Collector._installation_trace)  # type: ignore[method-assign]
    collector.pause()
    collector.resume()
    collector._start_tracer()


def _with_dictionaries(begin: Callable[..., Any]) -> Callable[..., Any]:
    def begin_with_dictionaries(*arguments: Any) -> Any:
        weak = weakref.WeakKeyDictionary
        weakref.WeakKeyDictionary = dict  # type: ignore[assignment, misc]
        try:
            tracer = begin(*arguments)
            _nothing()
        finally:
            weakref.WeakKeyDictionary = weak  # type: ignore[misc]
        return tracer

    return begin_with_dictionaries


def _nothing() -> None:
    """A call for a new tracer to see: it takes its dictionary then."""
