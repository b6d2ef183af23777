"""What happens to those who work there."""

from dataclasses import dataclass

from twofold import Event


@dataclass(frozen=True, kw_only=True)
class Hired(Event):
    """By a function that names all of the path."""

    name: str
