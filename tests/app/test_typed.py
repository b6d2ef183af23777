"""What somebody types for a place deep in a message: a text stands as it is, anything else is JSON."""

from dataclasses import dataclass

import pytest

from twofold import Command
from twofold.app._form import read_at
from twofold.messages import Catalogue, Kind


@dataclass(frozen=True, kw_only=True)
class Card:
    """A part of a message."""

    number: str
    digits: int


@dataclass(frozen=True, kw_only=True)
class Pay(Command[None]):
    """A message with parts of every kind."""

    code: str | None
    cents: int
    cards: tuple[Card, ...]
    spare: Card | None
    labels: dict[str, str]
    counts: dict[str, list[int]]
    pair: tuple[str, int]
    names: list[str]


@pytest.mark.parametrize(
    "path, read",
    [
        ("code", "1"),
        ("cents", 1),
        ("cards.0.number", "1"),
        ("cards.12.digits", 1),
        ("spare.number", "1"),
        ("spare.digits", 1),
        ("labels.7", "1"),
        ("counts.a.0", 1),
        ("pair.0", "1"),
        ("pair.1", 1),
        ("names.3", "1"),
        ("nowhere.at.all", 1),
    ],
)
def test_a_text_stands_as_it_was_typed(path: str, read: object) -> None:
    """However deep its place is, in parts, lists and mappings."""
    catalogue = Catalogue()
    catalogue.add(Pay, Kind.COMMAND)
    found = read_at(catalogue.of(Pay), path.split("."), "1")
    assert (found, type(found)) == (read, type(read))
