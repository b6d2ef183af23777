"""How the name of a class becomes the name of a message, of a stream, or the code of an error."""

import re
from functools import lru_cache

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@lru_cache(maxsize=1024)  # a class has one name, and each of its commands asks for it
def snake_case(name: str) -> str:
    """`OrderPlaced` as `order_placed`, `HTTPCall` as `http_call`."""
    return _BOUNDARY.sub("_", name).lower()
