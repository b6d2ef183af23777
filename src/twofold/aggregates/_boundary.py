"""Deciding over several streams: what is read and what is appended are one, however others write meanwhile.

A boundary is dynamic: not what belongs to an aggregate is consistent, but what one decision depends on. See
https://dcb.events/specification/.
"""

from typing import final

from twofold.aggregates._decision import Decision, all_own, tell, tell_all
from twofold.errors import WiringError
from twofold.messages import Catalogue
from twofold.store import Condition, Store, UnitOfWork


@final
class Boundary:
    """Tells decisions what has happened, and has the unit of work commit only while that is all that has.

    When something has happened in between that one of them depends on, nothing is written, and the command is decided
    again on what is there then. An answer that changes nothing is right as of the moment of its reading.

    Args:
        unit: The unit of work.
        store: Where the events are.
        catalogue: What decodes them.

    Example:
        >>> @courses.handler
        ... async def subscribe(command: Subscribe, boundary: Boundary) -> Result[None]:
        ...     course, student = Course(command.course_id), Student(command.student_id)
        ...     await boundary.read(course, student)
        ...     if course.taken >= course.capacity:
        ...         return Failure(Refused("the course is full"))
        ...     boundary.record(StudentSubscribed(course_id=command.course_id, student_id=command.student_id))
        ...     return Success()
    """

    __slots__ = ("_catalogue", "_read", "_store", "_unit")

    def __init__(self, unit: UnitOfWork, store: Store, catalogue: Catalogue) -> None:
        self._unit = unit
        self._store = store
        self._catalogue = catalogue
        self._read: list[Decision] = []

    async def read(self, *decisions: Decision) -> None:
        """Tell decisions all that they are made of, as of one moment: the log, then what this unit has recorded.

        They see whatever was committed before, though a transaction that has drawn lower positions is still open.

        Args:
            decisions: New ones, at least one; each is told only what is its own.

        Raises:
            WiringError: A decision does not say what it is made of, was read before, or is given twice.
        """
        if not decisions or any(one is known for one in decisions for known in self._read):
            raise WiringError("a decision is read once: make new ones, and read all that belong together at once")
        own = all_own(decisions, self._catalogue)
        self._read += decisions
        head = await self._store.log.head()
        seen = await tell_all(own, self._store.log, self._catalogue, head=head)
        selections = tuple(dict.fromkeys(one.selection for one in own))
        self._unit.require(Condition(head, selections, frozenset(seen)))
        for one in own:
            for event in self._unit.pending([one.selection]):
                tell(one.decision, event)

    def record(self, *events: object, stream: str | None = None) -> None:
        """Say that something happened, under the condition that nothing else did.

        Args:
            events: What happened, in order. Decisions that were read before do not see it; new ones do.
            stream: The stream to append to; events that need no order among each other do without, in a stream of the
                message's own.

        Raises:
            WiringError: An event is not registered, or the unit has ended.
        """
        if stream is not None:
            self._unit.append(stream, *events)
            return
        for event in events:
            self._unit.record(event)
