"""What a unit of work tells of the attempts of commands: that one begins, and what it has come to."""

from typing import final

from twofold.messages import Context
from twofold.store._attempt import IF_INTERRUPTED, as_header
from twofold.store._pending import Pending
from twofold.store._recorder import Recorder


@final
class Attempts:
    """The attempts that one unit of work tells of, each in the stream of it.

    Args:
        recorder: Makes of events what the log takes.
        pending: Where they go.
    """

    __slots__ = ("_pending", "_recorder")

    def __init__(self, recorder: Recorder, pending: Pending) -> None:
        self._recorder = recorder
        self._pending = pending

    def tell(
        self,
        event: object,
        *,
        expected: int,
        of: Context | None = None,
        if_interrupted: object | None = None,
    ) -> None:
        """Add an event of an attempt.

        Args:
            event: The event.
            expected: The version that the stream of the attempt must be at.
            of: The message whose attempt it is, sent by the one that the unit serves: then the event outlives a
                roll-back. It is that one itself unless given.
            if_interrupted: The event that tells, of an attempt that begins, that nobody came to an end.
        """
        catalogue = self._recorder.catalogue
        beside = {} if if_interrupted is None else {IF_INTERRUPTED: as_header(catalogue, if_interrupted)}
        fact = self._recorder.told(event, expected, of, beside)
        (self._pending.facts if of is None else self._pending.survivors).append(fact)

    def conclude(self, event: object | None, *, expected: int, undone: object | None = None) -> None:
        """Add what the message that is served has come to: it stands behind all events of the unit.

        Args:
            event: The event.
            expected: The version that the stream of its attempt must be at.
            undone: The event that is recorded instead when what the message did is undone after all.
        """
        if event is not None:
            self._pending.conclusions.append(self._recorder.told(event, expected))
        if undone is not None:
            self._pending.undone.append(self._recorder.told(undone, expected))
