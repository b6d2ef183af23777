"""Commands that a limit has refused, counted and written together: an entry for all of a kind, and few of those.

Whoever is refused by a rate limit, an open breaker or a full bulkhead can ask again at once, as often as they like. So
one refusal costs a number in memory, and what is written at a time has a bound, whoever asks and how often. Entries of
other commands that could not be written when these ended are written with them.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, final

from twofold.clock import new_id
from twofold.errors import Category, OutcomeUnknown
from twofold.messages import Context
from twofold.store._audit import AuditEntry
from twofold.store._audited import About
from twofold.store._batch import Batch
from twofold.store._port import Store

_Kind: TypeAlias = tuple[str, int, str | None, str | None, str, str]

LOGGER: Final = logging.getLogger("twofold.audit")
_MOST: Final = 100
_MOST_KEPT: Final = 1000
_OTHERS: Final[_Kind] = ("*", 0, None, None, Category.UNAVAILABLE.value, "refused_beside")
"""What those are counted under that are of one kind too many."""


@dataclass(slots=True)
class _Count:
    count: int
    first: datetime
    last: datetime


@final
class Refusals:
    """Counts refusals, by command, user, tenant and code, until they are written.

    Args:
        store: Where the trail is.
        most: How many kinds it keeps apart; all others are one.
    """

    __slots__ = ("_counts", "_kept", "_most", "_store")

    def __init__(self, store: Store, most: int = _MOST) -> None:
        self._store = store
        self._most = most
        self._counts: dict[_Kind, _Count] = {}
        self._kept: list[AuditEntry] = []

    def add(self, about: About, context: Context, outcome: str, code: str) -> None:
        """Count a command that was refused.

        Args:
            about: What it is.
            context: Its metadata.
            outcome: The category of its error.
            code: The code of its error.
        """
        kind = about.message, about.version, context.user_id, context.tenant, outcome, code
        self._note(kind, _Count(1, context.time, context.time))

    def keep(self, entries: Sequence[AuditEntry]) -> bool:
        """Keep entries that are not written, as far as is known; whether there was room for them."""
        if len(self._kept) + len(entries) > _MOST_KEPT:
            return False
        self._kept += entries
        LOGGER.warning("the audit trail cannot be written now, and is owed %s", names_of(entries))
        return True

    async def write(self) -> None:
        """Write what was counted and kept, in one batch; when that fails, it is kept and counted on.

        What may be written all the same is written again as it was: it is in the trail twice, with one id, rather than
        not at all.

        Raises:
            StoreUnavailable: It cannot be written now.
            OutcomeUnknown: Nobody knows whether it is written.
        """
        counts, self._counts = self._counts, {}
        kept, self._kept = self._kept, list[AuditEntry]()
        if not counts and not kept:
            return
        counted = [_entry(*one) for one in counts.items()]
        try:
            await self._store.commit(Batch(audit=(*kept, *counted)))
        except BaseException as error:
            self._kept = kept + self._kept
            if counted and not (isinstance(error, OutcomeUnknown) and self.keep(counted)):
                for kind, count in counts.items():
                    self._note(kind, count)
            raise

    async def give_up(self) -> None:
        """Tell which entries were never written, when nobody will try again."""
        kept, self._kept = self._kept, list[AuditEntry]()
        if kept:
            LOGGER.error("not in the audit trail: %s", names_of(kept))

    def _note(self, kind: _Kind, new: _Count) -> None:
        counts = self._counts
        if kind not in counts and len(counts) >= self._most:
            kind = _OTHERS
        known = counts.setdefault(kind, new)
        if known is not new:
            known.count += new.count
            known.first, known.last = min(known.first, new.first), max(known.last, new.last)


def names_of(entries: Sequence[AuditEntry]) -> str:
    """What entries are about, for a line of the log."""
    return ", ".join(f"{entry.message} ({entry.outcome}, {entry.message_id})" for entry in entries)


def _entry(kind: _Kind, count: _Count) -> AuditEntry:
    message, version, user_id, tenant, outcome, code = kind
    message_id = new_id()
    return AuditEntry(
        message=message,
        version=version,
        message_id=message_id,
        correlation_id=str(message_id),
        causation_id=None,
        user_id=user_id,
        tenant=tenant,
        payload="null",
        time=count.first,
        duration=count.last - count.first,
        outcome=outcome,
        code=code,
        count=count.count,
    )
