"""How much one unit of work may write to the log: a mistake or a stranger cannot fill it with one command."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from twofold.errors import TooLarge, WiringError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The most that one unit of work may record; it is refused with `TooLarge` before anything is written.

    Args:
        event: The size of an event, in bytes of its JSON.
        events: How many events.
        metadata: The size of what is kept beside an event of where its message comes from (its user, tenant,
            correlation and trace), in characters.

    Raises:
        WiringError: One of them is below 1.

    Example:
        >>> app = App("shop", modules=[orders], bounds=Bounds(event=65_536))
    """

    event: int = 1_048_576
    events: int = 100_000
    metadata: int = 8_192

    def __post_init__(self) -> None:
        for one in fields(self):
            if getattr(self, one.name) < 1:
                raise WiringError(f"no event fits into Bounds({one.name}={getattr(self, one.name)}): give it 1 or more")

    def prove_metadata(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """The same metadata.

        Raises:
            TooLarge: It is out of bounds.
        """
        if sum(map(len, headers.values())) > self.metadata:
            raise TooLarge("the metadata of a message is", limit=self.metadata, unit="characters")
        return headers
