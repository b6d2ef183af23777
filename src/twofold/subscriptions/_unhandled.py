"""The error of whoever has to catch up, and comes to an event that cannot be handled."""

import os
import traceback
from pathlib import Path
from typing import ClassVar, Final

from twofold.errors import WiringError
from twofold.store import Recorded


class EventNotHandled(WiringError):
    """An event cannot be handled, and what comes after it waits for that; what came before it is done.

    Args:
        name: The checkpoint of who should have handled it.
        event: The event.
        cause: What was raised.
    """

    code: ClassVar[str] = "event_not_handled"

    def __init__(self, *, name: str, event: Recorded, cause: Exception) -> None:
        super().__init__()
        self.name, self.type, self.stream, self.position = name, event.type, event.stream, event.position
        self.cause = f"{type(cause).__qualname__}: {cause}"
        self.raised_at = _place(cause)
        """The file and line to look at; empty when only twofold has done something there."""

    @property
    def detail(self) -> str:
        event = f"{self.type!r} at position {self.position}, of stream {self.stream!r}"
        place = f" ({self.raised_at})" if self.raised_at else ""
        return f"{self.name!r} cannot handle {event}: {self.cause}{place}"

    @property
    def hint(self) -> str:
        projection, _, place = self.name.rpartition("@")
        if place != "next":
            return "mend what handles it and run this again: it goes on there; what was live before is untouched"
        return (
            "mend what handles it, drop what it has made of the events before"
            f" (`twofold projections drop {projection} --which next`), and run this again; without the drop it goes on"
            " there, and keeps that; what was live before is untouched"
        )


def _place(cause: Exception) -> str:
    """The innermost line of whoever wrote what failed; empty when none of theirs is on the way."""
    frames = traceback.extract_tb(cause.__traceback__)
    theirs = next((one for one in reversed(frames) if not (_is_ours(one.filename) or _LIBRARIES in one.filename)), None)
    if theirs is None and frames and not _is_ours(frames[-1].filename):
        theirs = frames[-1]  # an application may be installed, as libraries are
    return f"{Path(theirs.filename).name}:{theirs.lineno}" if theirs else ""


def _is_ours(file: str) -> bool:
    """Whether it is of twofold or Python, where nobody who reads of it has anything to mend."""
    return file.startswith((_TWOFOLD, "<")) or (file.startswith(_PYTHON) and _LIBRARIES not in file)


_TWOFOLD: Final = f"{Path(__file__).parents[1]}{os.sep}"
_PYTHON: Final = f"{Path(os.__file__).parent}{os.sep}"
_LIBRARIES: Final = "site-packages"
