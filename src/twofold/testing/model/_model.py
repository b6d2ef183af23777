"""What a store has, as lists and dicts: what it must refuse, and in which order things may have happened."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, final

from twofold.errors import CheckpointMoved, ConditionFailed, Conflict, VersionConflict
from twofold.store import ANY_VERSION, Batch, Checkpoint, Committed, Recorded, selected

Outcome: TypeAlias = Committed | Conflict


@final
class StoreModel:
    """The log and the checkpoints of a store.

    Args:
        log: Its events, in the order of their positions.
        checkpoints: Its checkpoints, by name.
    """

    def __init__(self, log: Sequence[Recorded] = (), checkpoints: Mapping[str, Checkpoint] | None = None) -> None:
        self.log = list(log)
        self.checkpoints = dict(checkpoints or {})

    @property
    def head(self) -> int:
        """The position of the last event; 0 when there is none."""
        return self.log[-1].position if self.log else 0

    def version(self, stream: str) -> int:
        """The version that a stream is at."""
        return sum(one.stream == stream for one in self.log)

    def checkpoint(self, name: str) -> Checkpoint:
        """A checkpoint as it stands."""
        return self.checkpoints.get(name, Checkpoint(name=name))

    def after(self, done: Sequence[tuple[Batch, Outcome]]) -> "StoreModel | None":
        """What there is after some batches, of which nobody knows in which order the store took them.

        Args:
            done: The batches, and what each came to.

        Returns:
            What they come to in an order that explains every outcome; None when there is no such order.
        """
        if not done:
            return self
        for number, (batch, outcome) in enumerate(done):
            if self._explains(batch, outcome):
                found = self._with(batch, outcome).after([*done[:number], *done[number + 1 :]])
                if found is not None:
                    return found
        return None

    def _explains(self, batch: Batch, outcome: Outcome) -> bool:
        refusals = self._refusals(batch)
        if isinstance(outcome, Conflict):
            return type(outcome) in refusals
        written = any(append.events for append in batch.appends)
        behind = outcome.position > self.head if written else outcome.position == 0
        return not refusals and behind and outcome.versions == self._versions(batch)

    def _refusals(self, batch: Batch) -> set[type[Conflict]]:
        """All that a batch may be refused with as things stand."""
        found, versions = set[type[Conflict]](), dict[str, int]()
        for condition in batch.conditions:
            if any(one.position > condition.after and selected(one, condition.selections) for one in self.log):
                found.add(ConditionFailed)
        for append in batch.appends:
            at = versions.get(append.stream, self.version(append.stream))
            if append.expected not in (ANY_VERSION, at):
                found.add(VersionConflict)
            versions[append.stream] = at + len(append.events)
        stands: dict[str, Checkpoint] = {}
        for move in batch.moves:
            one = stands.get(move.name, self.checkpoint(move.name))
            if (move.expected, move.token) != (one.position, one.token):
                found.add(CheckpointMoved)
            stands[move.name] = one._replace(position=move.position)
        return found

    def _versions(self, batch: Batch) -> dict[str, int]:
        counts: dict[str, int] = {}
        for append in batch.appends:
            counts[append.stream] = counts.get(append.stream, self.version(append.stream)) + len(append.events)
        return counts

    def _with(self, batch: Batch, outcome: Outcome) -> "StoreModel":
        after = StoreModel(self.log, self.checkpoints)
        if isinstance(outcome, Conflict):
            return after
        position = outcome.position - sum(len(append.events) for append in batch.appends)
        for append in batch.appends:
            version = after.version(append.stream)
            for number, event in enumerate(append.events, 1):
                after.log.append(Recorded(position + number, append.stream, version + number, *event))
            position += len(append.events)
        for move in batch.moves:
            stands = after.checkpoint(move.name)
            after.checkpoints[move.name] = stands._replace(position=move.position, version=1)
        return after
