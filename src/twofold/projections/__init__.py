"""The read side: projections turn events into rows, in the same way inline and behind the log."""

from twofold.projections._projection import Projection
from twofold.projections._projector import Projector, inline_rows
from twofold.projections._rows import Rows, table_behind

__all__ = ["Projection", "Projector", "Rows", "inline_rows", "table_behind"]
