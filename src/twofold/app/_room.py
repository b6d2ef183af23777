"""Opening rooms above or beside this one by name, when they are asked for: an application that serves nothing loads
no web framework, and one without SQL loads no SQLAlchemy.
"""

import sys
from contextlib import suppress
from types import ModuleType
from typing import Any, Final

from twofold.errors import MissingExtraError, open_module

_EXTRAS: Final = {
    "twofold.web": "web",
    "twofold.cli": "cli",
    "twofold.cli.serving": "web",
    "twofold.app.comparison": "sql",
    "twofold.sql": "sql",
    "twofold.drivers.sqlite.sql": "sql",
    "twofold.drivers.nats": "nats",
    "twofold.drivers.postgres": "postgres",
    "twofold.drivers.postgres.sql": "sql",
    "twofold.observability": "observability",
    "twofold.personal": "personal",
    "twofold.personal.postgres": "postgres",
}


def open_room(name: str) -> ModuleType:
    """Import a room of twofold.

    Args:
        name: Its full name.

    Raises:
        MissingExtraError: A package that it needs is not installed.
    """
    return open_module(name, extra=_EXTRAS.get(name))


def spans_installed() -> Any:
    """Where spans go when nobody says so: where a provider of OpenTelemetry is set in this process, else None.

    Nothing of it is even loaded here when nobody has loaded it before.
    """
    if "opentelemetry.trace" not in sys.modules:
        return None
    with suppress(MissingExtraError):  # somebody else's OpenTelemetry, and twofold's extra was not asked for
        return open_room("twofold.observability").installed_spans()
    return None
