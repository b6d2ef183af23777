"""The read side: projections turn events into rows, in the same way inline and behind the log."""

from twofold.projections._due import DUE, Feeder
from twofold.projections._live import Live, LiveRows, live_provider
from twofold.projections._names import name_faults
from twofold.projections._pace import Pace
from twofold.projections._place import NEXT, PREVIOUS, Duty, Place, Standing, duty_of, standing, standings
from twofold.projections._projection import Projection, SessionOf
from twofold.projections._projector import Projector, inline_rows
from twofold.projections._refresher import Refresher
from twofold.projections._rows import Rows, table_behind
from twofold.projections._versions import NoVersion, drop, lay, place, roll_back, take_over
from twofold.projections._writer import OutsideWriter, Writer

__all__ = [
    "DUE",
    "Duty",
    "Feeder",
    "Live",
    "LiveRows",
    "NEXT",
    "NoVersion",
    "OutsideWriter",
    "PREVIOUS",
    "Pace",
    "Place",
    "Projection",
    "Projector",
    "Refresher",
    "Rows",
    "SessionOf",
    "Standing",
    "Writer",
    "drop",
    "duty_of",
    "inline_rows",
    "lay",
    "live_provider",
    "name_faults",
    "place",
    "roll_back",
    "standing",
    "standings",
    "table_behind",
    "take_over",
]
