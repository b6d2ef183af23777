"""Programs that live many short lives: each is a fork of one process, so what they import is imported once."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.forked import Talking

_LOOP = """
import json as _json, os as _os, sys as _sys

for _line in _sys.stdin:
    _child = _os.fork()
    if not _child:
        live(*_json.loads(_line))
        _os._exit(0)
    print(_os.waitstatus_to_exitcode(_os.waitpid(_child, 0)[1]), flush=True)
"""


@contextmanager
def lives(program: str) -> Generator[Callable[..., int]]:
    """Run a function of a program again and again, for a block.

    Args:
        program: Defines a function `live`, and neither starts threads nor opens anything.

    Yields:
        What calls it with arguments of JSON, in a process of its own, and gives the exit code.
    """
    with Talking("-c", program + _LOOP, where=Path.cwd()) as process:

        def live(*arguments: object) -> int:
            process.say(json.dumps(arguments))
            return int(process.stdout.readline())

        yield live
