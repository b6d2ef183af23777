"""A decider: three pure functions that know nothing of stores, buses or time, and where its events are kept.

The room of aggregates loads and saves for it; a test calls the functions.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from typing_extensions import TypeAliasType
from typing_extensions import TypeVar as DefaultedTypeVar

from twofold.errors import TwofoldError
from twofold.result import Failure

C = TypeVar("C")
S = TypeVar("S")
V = TypeVar("V")
E = DefaultedTypeVar("E", default=TwofoldError)

Outcome = TypeAliasType("Outcome", Sequence[V] | Failure[E], type_params=(V, E))
"""What a decision comes to: its events in order, none when there is nothing to do; or a Failure, which refuses.

Type Parameters:
    V: The events.
    E: The errors it refuses with; twofold's family unless given.

Example:
    >>> def decide(command: Close, account: Account) -> Outcome[Closed]:
    ...     if account.balance:
    ...         return Failure(Refused("it is not empty"))
    ...     return [Closed(account_id=command.account_id)] if account.open else []
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider(Generic[C, S, V]):
    """Three functions, and the stream that their events are in; see `Module.decider`.

    Args:
        initial: Makes the state before the first event.
        decide: What a command comes to in a state. Its first annotation says which commands it takes.
        evolve: The state behind an event; the one before it is not changed.
        stream: The name of the stream, with `{fields}` of the command; or a function of the command.
        answer: What a Success answers, of the state behind it; None answers nothing.
        snapshots: When the state is kept beside its stream; None never.
        snapshot_version: Raised when `evolve` comes to something else.
    """

    initial: Callable[[], S]
    decide: Callable[[C, S], Outcome[V, Any]]
    evolve: Callable[[S, V], S]
    stream: str | Callable[[C], str]
    answer: Callable[[S], Any] | None = None
    snapshots: Callable[[Any], bool] | None = None
    snapshot_version: int = 1

    def fold(self, events: Iterable[V]) -> S:
        """The state that events lead to."""
        state = self.initial()
        for event in events:
            state = self.evolve(state, event)
        return state

    def stream_of(self, command: C) -> str:
        """The stream of what a command is about."""
        if callable(self.stream):
            return self.stream(command)
        return self.stream.format_map(_Fields(command))


class DeciderDeclaration(NamedTuple):
    """A decider as declared; the room of aggregates knows what to make of it.

    Args:
        decider: The decider.
        options: What is said of the pipelines of its commands.
    """

    decider: Decider[Any, Any, Any]
    options: Mapping[str, Any]


class _Fields(dict[str, Any]):
    """The fields of a command, looked up by name."""

    def __init__(self, command: object) -> None:
        self._command = command

    def __missing__(self, name: str) -> Any:
        return getattr(self._command, name)
