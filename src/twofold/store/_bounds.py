"""How much one unit of work may write to the log: a mistake or a stranger cannot fill it with one command."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from twofold.errors import Invalid, TooLarge, WiringError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The most that one unit of work may record; it is refused with `TooLarge` before anything is written.

    Args:
        event: The size of an event, in bytes of its JSON.
        events: How many events.
        metadata: The size of what is kept beside an event of where its message comes from (its user, tenant,
            correlation and trace), in characters.
        name: The size of a stream's name, and of a tag, in bytes of UTF-8.

    Raises:
        WiringError: One of them is below 1; or names are longer than an index of every database takes them.

    Example:
        >>> app = App("shop", modules=[orders], bounds=Bounds(event=65_536))
    """

    event: int = 1_048_576
    events: int = 100_000
    metadata: int = 8_192
    name: int = 1_024

    def __post_init__(self) -> None:
        for one in fields(self):
            if getattr(self, one.name) < 1:
                raise WiringError(f"no event fits into Bounds({one.name}={getattr(self, one.name)}): give it 1 or more")
        if self.name > _LONGEST_NAME:
            raise WiringError(f"Bounds(name={self.name}) is more than indexes take: give it {_LONGEST_NAME:,} or less")

    def prove_metadata(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """The same metadata.

        Raises:
            TooLarge: It is out of bounds.
        """
        if sum(map(len, headers.values())) > self.metadata:
            raise TooLarge("the metadata of a message is", limit=self.metadata, unit="characters")
        return headers

    def prove_name(self, name: str) -> str:
        """The same name of a stream, or tag: what one database takes all shall take.

        Raises:
            TooLarge: It is out of bounds.
            Invalid: It holds what no database has in a text.
            WiringError: It is no text at all.
        """
        try:
            size, nul = len(name) if name.isascii() else len(name.encode()), "\0" in name
        except (AttributeError, TypeError):
            what = type(name).__qualname__
            raise WiringError(f"{what} stands where the name of a stream belongs: append(stream, event)") from None
        except UnicodeEncodeError:
            raise Invalid("the name of a stream, or a tag, is no text: it holds half of a surrogate pair") from None
        if size > self.name:
            raise TooLarge("the name of a stream, or a tag, is", limit=self.name)
        if nul:
            raise Invalid("the name of a stream, or a tag, holds a NUL")
        return name


_LONGEST_NAME: Final = 2_500
"""In bytes; a row in an index of PostgreSQL has 2,704."""
