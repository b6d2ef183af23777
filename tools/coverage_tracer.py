"""Makes coverage's tracer bearable: it finds a greenlet in a plain dictionary, and can be told to look away.

At each call and return of each function the tracer in C looks up the running greenlet in a `weakref.WeakKeyDictionary`,
whose methods are Python code: of what a traced test costs, two fifths. On Python 3.11 its callbacks for greenlets that
are gone can also hang the interpreter, when many threads end at once: they run in a pending call, and a second one that
waits lets no traced function begin. A `dict` is faster and has no callbacks; it keeps each greenlet, a few hundred
bytes, until the process ends.

A greenlet that is kept looks like a leak to greenlet, which then asks the garbage collector who holds it, each time a
thread ends: slow, and an unraisable `KeyError` where that falls on a function without builtins, as those of named
tuples are. So it is told to leave that.
"""

import sys
import threading
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import greenlet._greenlet
from coverage import Coverage
from coverage.collector import Collector
from coverage.tracer import CTracer


def keep_greenlets() -> None:
    """Give this thread a tracer with a dictionary, and every later thread; nothing where coverage does not trace."""
    coverage = Coverage.current()
    collector = None if coverage is None else coverage._collector
    if collector is None or collector.core.tracer_class is not CTracer:
        return
    greenlet._greenlet.enable_optional_cleanup(False)
    Collector._installation_trace = _with_dictionaries(Collector._installation_trace)  # type: ignore[method-assign]  # it has no hook
    collector.pause()
    collector.resume()
    with _dictionaries():
        collector._start_tracer()
        _nothing()


def _with_dictionaries(begin: Callable[..., Any]) -> Callable[..., Any]:
    def installation_trace(*event: Any) -> Any:
        with _dictionaries():
            return begin(*event)

    return installation_trace


@contextmanager
def untraced() -> Generator[None]:
    """Leave out what this thread does meanwhile, and threads that begin meanwhile."""
    here, beginning = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        sys.settrace(here)
        threading.settrace(beginning)


@contextmanager
def _dictionaries() -> Generator[None]:
    """Meanwhile a tracer that sees its first call takes a `dict`."""
    weak = weakref.WeakKeyDictionary
    weakref.WeakKeyDictionary = dict  # type: ignore[assignment, misc]  # tracers look it up by this name
    try:
        yield
    finally:
        weakref.WeakKeyDictionary = weak  # type: ignore[misc]  # as it was


def _nothing() -> None:
    """A call for a new tracer to see."""
