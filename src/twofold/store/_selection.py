"""Which events of the log a reader or a condition means; databases evaluate it themselves, memory does it here."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from twofold.errors import WiringError
from twofold.store._recorded import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Some events of the log; each part that is given narrows it.

    Args:
        types: Wire names, any of which an event must have; None for all.
        tags: Tags, all of which it must carry.
        stream: The name of its stream, or the beginning of the name with `*` at the end; None for all.
        part: `(index, count)`: only streams of one of `count` equal shares, for followers that work side by side.

    Raises:
        WiringError: The part is out of its range.
    """

    types: frozenset[str] | None = None
    tags: frozenset[str] = frozenset()
    stream: str | None = None
    part: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.part is not None and not 0 <= self.part[0] < self.part[1]:
            raise WiringError(f"there is no part {self.part[0]} of {self.part[1]}: parts count from 0")

    def __contains__(self, event: Recorded) -> bool:
        return (
            (self.types is None or event.type in self.types)
            and self.tags.issubset(event.tags)
            and (self.stream is None or _named(event.stream, self.stream))
            and (self.part is None or part_of(event.stream, self.part[1]) == self.part[0])
        )


@dataclass(frozen=True, slots=True)
class Condition:
    """What must not have happened since a decision was made: a dynamic consistency boundary.

    A store refuses the batch when its log holds an event behind `after` that one of the selections means, and that was
    not seen.

    Args:
        after: The head of the log that the decision has seen.
        selections: What the decision depends on, by types and tags; at least one.
        seen: The positions behind that head of what it has seen as well.

    Raises:
        WiringError: A selection names a stream or a part, or there is none.
    """

    after: int
    selections: tuple[Selection, ...]
    seen: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not self.selections or any(one.stream is not None or one.part is not None for one in self.selections):
            raise WiringError(
                "a condition selects by types and tags; the version of a stream is what an append expects"
            )


def selected(event: Recorded, where: Iterable[Selection]) -> bool:
    """Whether one of the selections means an event."""
    return any(event in selection for selection in where)


def part_of(stream: str, count: int) -> int:
    """Which of `count` equal shares a stream belongs to.

    The same in every store and process: the first four bytes of the SHA-256 of its name, as a number.
    """
    return int.from_bytes(sha256(stream.encode()).digest()[:4], "big") % count


def _named(stream: str, pattern: str) -> bool:
    return stream.startswith(pattern[:-1]) if pattern.endswith("*") else stream == pattern
