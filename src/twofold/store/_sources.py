"""The aggregates of a unit of work: one of each stream, and those whose events are written when it commits."""

from collections.abc import Callable
from typing import NamedTuple, final

from twofold.errors import WiringError
from twofold.messages import Context
from twofold.store._added import Added
from twofold.store._participants import EventSource
from twofold.store._recorder import Recorder


class Standing(NamedTuple):
    """The aggregates as they were, for `revert`.

    Args:
        enlisted: Of how many the events were to be written.
        known: Every source that was known, with its state.
    """

    enlisted: int
    known: dict[str, tuple[EventSource, object]]


@final
class Sources:
    """What repositories have loaded and saved in one unit of work.

    Args:
        recorder: Makes of their events what the log takes.
    """

    __slots__ = ("_enlisted", "_known", "_left", "_recorder")

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._known: dict[str, EventSource] = {}
        self._enlisted: list[tuple[EventSource, Context]] = []
        self._left: dict[str, Callable[[], int | None]] = {}

    def remembered(self, stream: str) -> EventSource | None:
        """The source of a stream that was remembered; None when none was."""
        return self._known.get(stream)

    def remember(self, stream: str, source: EventSource) -> None:
        """Keep the source of a stream for the rest of the unit, so that there is one aggregate of an id."""
        self._known[stream] = source

    def enlist(self, source: EventSource) -> None:
        """Take the events of a source when the unit commits, as the message's that is handled now.

        A second time changes nothing.
        """
        if not self._is_enlisted(source):
            self._enlisted.append((source, self._recorder.context))

    def versioned(self, stream: str, left: Callable[[], int | None]) -> None:
        """Say where the version is told that a commit leaves something at, when its stream does not count it.

        Args:
            stream: The name of its stream.
            left: Tells it once everything is written; None when it is as it was.
        """
        self._left[stream] = left

    def left_at(self) -> list[int]:
        """The versions that a commit has left something at whose stream does not count them."""
        return [version for left in self._left.values() if (version := left()) is not None]

    def events(self) -> list[Added]:
        """The events of the sources that were enlisted, in that order."""
        added: list[Added] = []
        for source, context in self._enlisted:
            drained = source.drain()
            if drained is not None:
                stream, version, events = drained
                added += self._recorder.in_stream(stream, events, version, context)
        return added

    def prove_saved(self) -> None:
        """Prove that nobody has forgotten to save what was loaded and has recorded events: they would be lost.

        Raises:
            WiringError: Somebody has.
        """
        for stream, source in self._known.items():
            if source.drain() is not None and not self._is_enlisted(source):
                raise WiringError(f"{stream} has recorded events and was not saved: `await repository.save(...)`")

    def mark(self) -> Standing:
        """How they are now."""
        return Standing(len(self._enlisted), {name: (one, one.mark()) for name, one in self._known.items()})

    def revert(self, standing: Standing) -> None:
        """Go back to how they were: whatever was loaded since is forgotten."""
        del self._enlisted[standing.enlisted :]
        self._known = {name: source for name, (source, _) in standing.known.items()}
        for source, mark in standing.known.values():
            source.revert(mark)

    def forget(self) -> None:
        """Take no events of any of them."""
        self._enlisted = []

    def _is_enlisted(self, source: EventSource) -> bool:
        return any(one is source for one, _ in self._enlisted)
