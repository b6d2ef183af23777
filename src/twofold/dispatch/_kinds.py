"""Members of `Kind` for what is asked for at every dispatch: Python 3.11 runs Python to find one in its class."""

from typing import Final

from twofold.messages import Kind

COMMAND: Final = Kind.COMMAND
QUERY: Final = Kind.QUERY
EVENT: Final = Kind.EVENT
