"""Keeps coverage on Python 3.11 from hanging when many threads end at once.

greenlet clears what a thread leaves behind in a pending call of the interpreter. coverage holds greenlets weakly, so
its Python callback runs inside that call; if meanwhile another thread ends, a second pending call waits, which may not
begin before the first is over, and the traced interpreter of 3.11 enters no function while one waits. Greenlets that
are kept need no callback.
"""

import sys
import threading

import greenlet


def keep_greenlets() -> None:
    """Keep one greenlet, a few hundred bytes, of every thread from now on; nothing where it is not needed."""
    if sys.version_info >= (3, 12) or sys.gettrace() is None:
        return
    kept = list[greenlet.greenlet]()
    greenlet._greenlet.enable_optional_cleanup(False)  # else each is searched for among all objects
    run = threading.Thread.run

    def run_and_keep(thread: threading.Thread) -> None:
        kept.append(greenlet.getcurrent())
        run(thread)

    threading.Thread.run = run_and_keep  # type: ignore[assignment, method-assign]  # it has no hook
