"""Opening rooms above or beside this one by name, when they are asked for: an application that serves nothing loads
no web framework, and one without SQL loads no SQLAlchemy.
"""

from types import ModuleType
from typing import Final

from twofold.errors import open_module

_EXTRAS: Final = {
    "twofold.web": "web",
    "twofold.cli": "cli",
    "twofold.cli.serving": "web",
    "twofold.app.comparison": "sql",
    "twofold.sql": "sql",
    "twofold.drivers.sqlite.sql": "sql",
    "twofold.drivers.postgres": "postgres",
    "twofold.drivers.postgres.sql": "sql",
    "twofold.observability": "observability",
}


def open_room(name: str) -> ModuleType:
    """Import a room of twofold.

    Args:
        name: Its full name.

    Raises:
        MissingExtraError: A package that it needs is not installed.
    """
    return open_module(name, extra=_EXTRAS.get(name))
