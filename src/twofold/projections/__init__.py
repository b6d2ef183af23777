"""The read side: projections turn events into rows, in the same way inline and behind the log."""

from twofold.projections._names import name_faults
from twofold.projections._pace import Pace
from twofold.projections._place import NEXT, PREVIOUS, Duty, Place, Standing, duty_of, standing, standings
from twofold.projections._projection import Projection
from twofold.projections._projector import Projector, inline_rows
from twofold.projections._rows import Rows, table_behind
from twofold.projections._versions import drop, lay, place, roll_back, take_over

__all__ = [
    "Duty",
    "NEXT",
    "PREVIOUS",
    "Pace",
    "Place",
    "Projection",
    "Projector",
    "Rows",
    "Standing",
    "drop",
    "duty_of",
    "inline_rows",
    "lay",
    "name_faults",
    "place",
    "roll_back",
    "standing",
    "standings",
    "table_behind",
    "take_over",
]
