"""How the name of a class becomes the name of a message, of a stream, or the code of an error."""

import re

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """`OrderPlaced` as `order_placed`, `HTTPCall` as `http_call`."""
    return _BOUNDARY.sub("_", name).lower()
