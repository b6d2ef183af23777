"""Names of one log in a database: its schema, its keys among the advisory locks, and statements made for them."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from zlib import crc32

from twofold.errors import WiringError

_PLACE: Final = re.compile(r"\{(schema|named|floor|draw|keys|upgrade|audit|positions|audit_numbers)\}")
_AUDIT, _FLOOR, _DRAW, _KEYS, _UPGRADE = (kind << 60 for kind in (3, 4, 5, 6, 7))


@dataclass(frozen=True)
class Names:
    """What is called how, for the log in one schema.

    Args:
        schema: The schema's name, as it is.

    Raises:
        WiringError: PostgreSQL has no such names.
    """

    schema: str

    def __post_init__(self) -> None:
        if not 0 < len(self.schema.encode()) < _LONGEST_NAME or "\0" in self.schema:
            raise WiringError(f"no schema of PostgreSQL can be called {self.schema!r}")
        if "$$" in self.schema or "$twofold$" in self.schema:
            raise WiringError(f"a log cannot be in a schema that is called {self.schema!r}: it would end its functions")

    @cached_property
    def quoted(self) -> str:
        """The schema, as SQL has it."""
        return '"' + self.schema.replace('"', '""') + '"'

    @cached_property
    def channel(self) -> str:
        """Where it is told that the log has grown."""
        return f"twofold_{self.space:03x}"

    @property
    def space(self) -> int:
        """Which of the ranges of advisory locks are its own, as a number of 12 bits."""
        return self._space >> 48

    @property
    def floor_key(self) -> int:
        """The first advisory lock of writers who hold readers back: each takes that of the head it has seen."""
        return _FLOOR + self._space

    @property
    def draw_key(self) -> int:
        """The advisory lock of whoever draws positions."""
        return _DRAW + self._space

    @property
    def upgrade_key(self) -> int:
        """The advisory lock of whoever changes the schema."""
        return _UPGRADE + self._space

    def sql(self, text: str) -> str:
        """A statement for this log: its places filled in."""
        return _PLACE.sub(lambda place: self._places[place[1]], text)

    @cached_property
    def _places(self) -> dict[str, str]:
        keys = {"floor": _FLOOR, "draw": _DRAW, "keys": _KEYS, "upgrade": _UPGRADE, "audit": _AUDIT}
        prefix = self.quoted.replace("'", "''")
        named = self.schema.replace("'", "''")
        return {
            "schema": self.quoted,
            "named": f"'{named}'",
            "positions": f"'{prefix}.twofold_positions'::regclass",
            "audit_numbers": f"'{prefix}.twofold_audit_numbers'::regclass",
            **{name: f"{kind + self._space}::bigint" for name, kind in keys.items()},
        }

    @cached_property
    def _space(self) -> int:
        # Logs in several schemas of one database share its advisory locks: 12 bits keep theirs apart.
        return (crc32(self.schema.encode()) & 0xFFF) << 48


_LONGEST_NAME = 64
