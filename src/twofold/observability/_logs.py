"""Rendering of log lines for `twofold run`: one line for people or one JSON object for machines, with its context.

Lines are ordinary records of the standard library's loggers, wherever they come from. What a user wrote is encoded, so
that it can neither start a line of its own nor pose as another fact.
"""

import logging
from typing import Any, Final, Literal, TextIO, TypeAlias

from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import JSONRenderer
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from twofold.middleware import printable
from twofold.observability._record import gather

LogFormat: TypeAlias = Literal["console", "json"]
"""Lines for people, or one JSON object per line."""

_REPEATED: Final = frozenset({"kind", "message", "step", "handler", "message_id"})
"""Facts that a line for people says already, in its text or by its correlation id."""

_FOLLOWED: Final = "    | "
"""Opens every line of a traceback, so that none of them can pose as a log line."""


def configure_logging(
    *,
    format: LogFormat | None = None,  # noqa: A002  # what the option of the command line is called
    level: int | str = "INFO",
    stream: TextIO | None = None,
) -> None:
    """Have all loggers of this process write to one stream.

    Args:
        format: For people or for machines; unless given, for people where they see it: on a terminal.
        level: The lowest level that is written.
        stream: Where to; standard error unless given.

    Raises:
        ValueError: There is no such level.
    """
    handler = logging.StreamHandler(stream)
    seen = handler.stream.isatty()
    handler.setFormatter(formatter(format or ("console" if seen else "json"), colors=seen))
    logging.basicConfig(handlers=[handler], level=level, force=True)


def formatter(wanted: LogFormat, *, colors: bool = False) -> logging.Formatter:
    """What turns a record into text.

    Args:
        wanted: For people or for machines.
        colors: Whether lines for people are coloured.
    """
    people = ConsoleRenderer(colors=colors, sort_keys=False, pad_event_to=0, exception_formatter=plain_traceback)
    machines = JSONRenderer(default=str)  # in ASCII, which escapes every newline, control and bidirectional mark
    chain: list[Processor] = [gather, machines] if wanted == "json" else [gather, _for_people, people]
    return _Lines(processors=chain)


class _Lines(ProcessorFormatter):
    """Copies no record that structlog has not made: two of them come of every message."""

    def format(self, record: logging.LogRecord) -> str:
        if hasattr(record, "_logger"):
            return super().format(record)
        line: Any = {"event": record.getMessage(), "exc_info": record.exc_info, "_record": record}
        for process in self.processors:
            line = process(None, record.levelname, line)
        text: str = line
        return text


def _for_people(logger: WrappedLogger, name: str, facts: EventDict) -> EventDict:
    shown = {_key(key): _shown(key, value) for key, value in facts.items() if key not in _REPEATED}
    if "exception" in facts:
        shown["exception"] = "\n".join(_FOLLOWED + printable(line) for line in facts["exception"].splitlines())
    return shown


def _key(key: object) -> str:
    # The renderer writes these two as blocks of lines, not as facts.
    return f"{key}_" if key in ("stack", "exc_info") else printable(str(key))


def _shown(key: object, value: Any) -> str:
    # The renderer puts quotes around what holds a space, a quote or an equals sign.
    return f"{value * 1000:.1f}ms" if key == "duration" and isinstance(value, float) else printable(str(value))
