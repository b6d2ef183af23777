"""What a unit of work has taken and not yet written, and the way back to where a part of it began."""

from typing import NamedTuple, final

from twofold.store._added import Added
from twofold.store._checkpoint import Move
from twofold.store._rows import RowChange
from twofold.store._selection import Condition


class Mark(NamedTuple):
    """How much there was of each."""

    facts: int
    rows: int
    moves: int
    conditions: int
    conclusions: int
    undone: int


@final
class Pending:
    """What a unit of work has taken, in order."""

    __slots__ = ("conclusions", "conditions", "facts", "moves", "rows", "survivors", "undone")

    def __init__(self) -> None:
        self.facts: list[Added] = []
        self.rows: list[RowChange] = []
        self.moves: list[Move] = []
        self.conditions: list[Condition] = []
        self.conclusions: list[Added] = []
        """Events that come after all others."""
        self.survivors: list[Added] = []
        """Events that are committed though the unit, or the part that they came in, is not."""
        self.undone: list[Added] = []
        """Events that become survivors when what came with them is undone."""

    def events(self) -> list[Added]:
        """All events of the unit, in the order in which it writes them."""
        return [*self.facts, *self.survivors, *self.conclusions]

    def mark(self) -> Mark:
        """Where it is now, for `undo`."""
        return Mark(
            facts=len(self.facts),
            rows=len(self.rows),
            moves=len(self.moves),
            conditions=len(self.conditions),
            conclusions=len(self.conclusions),
            undone=len(self.undone),
        )

    def undo(self, mark: Mark) -> None:
        """Drop what came since a mark, but what survives."""
        del self.facts[mark.facts :], self.rows[mark.rows :], self.moves[mark.moves :]
        del self.conditions[mark.conditions :], self.conclusions[mark.conclusions :]
        self.survivors += self.undone[mark.undone :]
        del self.undone[mark.undone :]

    def drop(self) -> None:
        """Drop what would be written, but what survives."""
        self.facts, self.conclusions = [], []

    def let_survivors_go(self) -> None:
        """Whatever would survive is written, or somebody else writes it."""
        self.survivors.clear()
        self.undone.clear()

    @property
    def survives(self) -> bool:
        """Whether anything is committed though the unit was not."""
        return bool(self.survivors or self.undone)

    def surviving(self) -> list[Added]:
        """Take what is committed though the unit was not."""
        left = [*self.survivors, *self.undone]
        self.let_survivors_go()
        return left
