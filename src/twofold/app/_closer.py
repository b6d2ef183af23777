"""Ends attempts that nobody ends any more, since their process has died: as `Failed`, for the reason `interrupted`.

Every worker does. An attempt whose end has not come in the longest time that its command may take is given one. The
command may be alive all the same: then whichever end commits first is the only one, and the other is undone. So no
lease says who closes, and no clock has to be right; a checkpoint saves all of them from reading the log twice.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Final, final
from uuid import UUID

from twofold.app._lifecycle import Attempts
from twofold.app._origins import origin_of
from twofold.app._regularly import Regularly
from twofold.clock import Clock
from twofold.dispatch import Router
from twofold.errors import CheckpointMoved, Conflict, Interrupted, Unavailable
from twofold.messages import Context
from twofold.store import (
    ATTEMPTS,
    IF_INTERRUPTED,
    INTERRUPTED,
    AuditEntry,
    Batch,
    Move,
    Recorded,
    Selection,
    Store,
    Trace,
    UnitFactory,
    from_header,
    working,
)

CHECKPOINT: Final = "twofold.attempts"
_LOGGER: Final = logging.getLogger("twofold.attempts")
_PAUSE: Final = 5.0
_PATIENCE: Final = 2.0
_WINDOW: Final = 2000
_WINDOWS: Final = 50


@final
class Closer:
    """Ends what was interrupted, until stopped. Made where an event loop is running.

    Args:
        attempts: Which attempts it ends, and when.
        store: Where they are.
        router: What their events mean.
        new_unit: Makes units of work.
        clock: Tells how much time has passed.
        audited: Whether each leaves an entry in the audit trail, since its command has left none.
    """

    def __init__(
        self,
        attempts: Attempts,
        store: Store,
        router: Router,
        new_unit: UnitFactory,
        clock: Clock,
        *,
        audited: bool,
    ) -> None:
        self._attempts = attempts
        self._audited = audited
        self._where = (Selection(types=attempts.end.union(attempts.begin), stream=f"{ATTEMPTS}*"),)
        self._store = store
        self._router = router
        self._new_unit = new_unit
        self._clock = clock
        self._heads: deque[tuple[float, int]] = deque()
        self._position = 0
        self._rounds = Regularly(
            self._look,
            every=min(_PAUSE, attempts.patience / 4),
            name="twofold attempts",
            logger=_LOGGER,
            trouble="interrupted attempts cannot be ended",
        )

    async def stop(self) -> None:
        """Let the attempts be."""
        await self._rounds.stop()

    async def _look(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            await self._end_old()

    async def _end_old(self) -> None:
        horizon = await self._old()
        if horizon <= self._position:
            return
        checkpoint, epoch = await self._store.checkpoints.get(CHECKPOINT), await self._store.log.epoch()
        self._position = checkpoint.position
        for _ in range(_WINDOWS):  # what is left of a log that is new to it comes at further looks
            if self._position >= horizon:
                return
            reached = min(self._position + _WINDOW, horizon)
            page = await self._store.log.read(self._position, until=reached, limit=_WINDOW, where=self._where)
            await self._close(page)
            try:
                await self._store.commit(Batch(moves=(Move(CHECKPOINT, reached, self._position, epoch=epoch),)))
            except CheckpointMoved:  # another process has come here first, and goes on
                return
            self._position = reached

    async def _old(self) -> int:
        """Up to where the log has been there for longer than an attempt may take, by this process's own clock."""
        now, head = self._clock.monotonic(), await self._store.log.head()
        self._heads.append((now, head))
        while len(self._heads) > 1 and now - self._heads[1][0] >= self._attempts.patience:
            self._heads.popleft()
        since, old = self._heads[0]
        return old if now - since >= self._attempts.patience else 0

    async def _close(self, page: Sequence[Recorded]) -> None:
        """End the attempts of a page that have no end. Nearly all have theirs close behind their beginning."""
        ended = {one.stream for one in page if one.type in self._attempts.end and one.version > 1}
        for begin in page:
            open_here = begin.version == 1 and begin.type in self._attempts.begin and begin.stream not in ended
            if open_here and len(await self._store.log.read_stream(begin.stream, limit=2)) == 1:
                await self._end(begin)

    def _entry(self, begin: Recorded, context: Context) -> AuditEntry:
        message, version = self._attempts.begin[begin.type]
        return AuditEntry(
            message=message,
            version=version,
            message_id=context.message_id,
            correlation_id=context.correlation_id,
            causation_id=context.causation_id,
            user_id=context.user_id,
            tenant=context.tenant,
            source=context.origin.source,
            payload="null",
            time=begin.time,
            duration=context.clock.now() - begin.time,
            outcome=INTERRUPTED,
        )

    async def _end(self, begin: Recorded) -> None:
        otherwise = begin.headers.get(IF_INTERRUPTED)
        if otherwise is None:
            return
        context = self._router.context(origin_of(begin), UUID(begin.headers["causation_id"]))
        try:
            event = from_header(self._router.catalogue, otherwise)
            async with working(self._new_unit(context)) as unit:
                if self._audited:
                    unit.trace = Trace(None, self._entry(begin, context))
                unit.attempts.tell(event, expected=1)
                await unit.commit()
        except Interrupted:  # it has come to an end just now
            return
        except (Conflict, Unavailable):  # nothing is wrong with the attempt: at another look
            raise
        except Exception:
            _LOGGER.exception("the attempt of message %s was interrupted, which cannot be recorded", context.message_id)
        else:
            _LOGGER.warning("the attempt of message %s was interrupted", context.message_id)
