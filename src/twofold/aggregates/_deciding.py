"""The handler of a decider: load the state, decide, and have the unit of work append what it comes to."""

from typing import Any, ClassVar, final, get_type_hints

from twofold.aggregates._aggregate import Aggregate
from twofold.aggregates._repository import Repository
from twofold.aggregates._snapshots import SnapshotPolicy
from twofold.aggregates._state import state_codec
from twofold.dispatch import Decider, HandlerConfig
from twofold.errors import WiringError
from twofold.messages import Catalogue, Event, Kind
from twofold.result import Failure, Result, Success
from twofold.store import Store, UnitOfWork


@final
class Deciding:
    """Handles one kind of command by a decider.

    Its state is kept like an aggregate: one of a stream in a unit of work, appended at the version that was read.

    Args:
        decider: The three functions.
        config: What the handler is called.

    Raises:
        WiringError: It has snapshots, and its state has no form in JSON.
    """

    def __init__(self, decider: Decider[Any, Any, Any], config: HandlerConfig) -> None:
        self.config = config
        self._decider = decider
        self._kind = _kind_of(decider)
        if decider.snapshots is not None:
            state_codec(self._kind)  # refuses a state that has no form in JSON

    async def handle(self, command: Any, unit: UnitOfWork, store: Store, catalogue: Catalogue) -> Result[Any, Any]:
        """Decide a command.

        Raises:
            WiringError: `decide` answers neither with events nor with a Failure, or with what is no event.
        """
        stream = self._decider.stream_of(command)
        repository = Repository(self._kind, unit, store, catalogue)
        told = await repository.find(stream) or self._kind()
        told.id = stream
        outcome = self._decider.decide(command, told.state)
        if isinstance(outcome, Failure):
            return outcome
        if not isinstance(outcome, list | tuple):
            text = f"{self.config.id} answers {outcome!r:.60}: answer a list of events, or a Failure"
            raise WiringError(f"{text}; what a Success answers is answer= of the decider")
        for event in outcome:
            if not _is_event(event, catalogue):
                raise WiringError(f"{self.config.id} answers {event!r:.60} among its events, and that is no event")
            told.record(event)
        if outcome:
            await repository.save(told)
        return Success(None if self._decider.answer is None else self._decider.answer(told.state))


def _is_event(value: object, catalogue: Catalogue) -> bool:
    kind = type(value)
    return isinstance(value, Event) or (kind in catalogue and catalogue.of(kind).kind is Kind.EVENT)


class _Told(Aggregate):
    """The state of a decider, with the events that have led to it."""

    decider: ClassVar[Decider[Any, Any, Any]]
    id: str

    def __init__(self) -> None:
        self.state = self.decider.initial()

    def evolve(self, event: Event) -> None:
        self.state = self.decider.evolve(self.state, event)

    @classmethod
    def stream_of(cls, id: object) -> str:  # noqa: A002  # as aggregates call it
        return str(id)


def _kind_of(decider: Decider[Any, Any, Any]) -> type[_Told]:
    """Aggregates of a decider; their class knows it, since rebuilding one takes no arguments."""

    class Told(_Told):
        snapshots = None if decider.snapshots is None else SnapshotPolicy(decider.snapshots)
        snapshot_version = decider.snapshot_version

    Told.decider = decider
    if decider.snapshots is not None:
        Told.__qualname__ = decider.decide.__qualname__
        Told.__annotations__ = {"state": get_type_hints(decider.evolve).get("return", Any)}
    return Told
