"""What erasing a subject has covered."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class InPlainText:
    """What is kept of a subject and is not encrypted: it was recorded before it was personal, and it is read still.

    Args:
        events: How many events of each type.
        streams: The streams that they are in.
        snapshots: Those of these streams that have a snapshot.
        audit: How many entries in the audit trail, by command.
    """

    events: Mapping[str, int]
    streams: tuple[str, ...]
    snapshots: tuple[str, ...]
    audit: Mapping[str, int]

    def __bool__(self) -> bool:
        return bool(self.events or self.audit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What erasing a subject has covered.

    Args:
        subject: The subject.
        key: The id of the key that is destroyed; None when the subject never had one, and gets none now.
        events: How many events of each type are unreadable, those that lie beside the beginnings of attempts included.
        audit: The same of entries in the audit trail, by command.
        parked: The same of events that were put aside, by subscription: what is quoted of them.
        snapshots: The streams whose snapshot nobody can read any more: their states are folded from all events.
        forgetting: Projections and writers that have personal events, and handle `SubjectErased`.
        remembering: Those that do not handle it: what they have made of the data is still there.
        plain: What no key has encrypted, so that it is there still.
    """

    subject: str
    key: str | None
    events: Mapping[str, int]
    audit: Mapping[str, int]
    parked: Mapping[str, int]
    snapshots: tuple[str, ...]
    forgetting: tuple[str, ...]
    remembering: tuple[str, ...]
    plain: InPlainText

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)
