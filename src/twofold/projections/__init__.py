"""The read side: projections turn events into rows, in the same way inline and behind the log."""

from twofold.projections._due import DUE, Feeder
from twofold.projections._live import Live, LiveRows, live_provider
from twofold.projections._projection import Projection, SessionOf
from twofold.projections._projector import Projector, inline_rows
from twofold.projections._refresher import Refresher
from twofold.projections._rows import Rows, table_behind
from twofold.projections._writer import OutsideWriter, Writer

__all__ = [
    "DUE",
    "Feeder",
    "Live",
    "LiveRows",
    "OutsideWriter",
    "Projection",
    "Projector",
    "Refresher",
    "Rows",
    "SessionOf",
    "Writer",
    "inline_rows",
    "live_provider",
    "table_behind",
]
