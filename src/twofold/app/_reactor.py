"""A reaction: a handler of an event that runs behind the log; its work and its checkpoint commit together."""

from collections.abc import Sequence
from typing import final

from twofold.app._origins import reacting
from twofold.dispatch import Handler, Router, Start
from twofold.errors import Family, HandlersFailed, Unavailable
from twofold.store import Batch, Fact, Selection, UnitFactory, carrying, working


@final
class Reactor:
    """Follows the log for one event handler.

    Args:
        handler: The handler.
        router: Where its pipeline is.
        new_unit: Makes units of work.
    """

    batch_size = 1
    version = 0

    def __init__(self, handler: Handler, router: Router, new_unit: UnitFactory) -> None:
        self._handler = handler
        self._router = router
        self._new_unit = new_unit
        self._event = router.catalogue.of(handler.message_type).name
        following = handler.following
        types = router.catalogue.stored_as([handler.message_type])
        self.selection = Selection(types=types, tags=following.tags, stream=following.stream)
        self.start: Start = following.start
        self.partitions = following.partitions

    @property
    def name(self) -> str:
        """The handler's name in its module, and the event: its checkpoint is kept under it, so renaming starts anew."""
        return f"{self._handler.module}.{self._handler.name}:{self._event}"

    async def handle(self, facts: Sequence[Fact], settled: Batch) -> None:
        """Run the handler; its work and what settles the event commit together.

        Raises:
            HandlersFailed: It answered with a Failure; nothing was written.
            Unavailable: The Failure says that something is away, so the event is not to blame.
        """
        wanted = [fact for fact in facts if fact.event.__class__ is self._handler.message_type]
        if len(wanted) == 1:
            with carrying(settled):
                await self._react(wanted[0])
            return
        # An entry of the log that has become several of these events, or none of them: one transaction for all.
        async with working(self._new_unit(reacting(self._router, self._handler, facts[0].recorded))) as unit:
            unit.settle(settled)
            for fact in wanted:
                await self._react(fact)
            await unit.commit()

    async def _react(self, fact: Fact) -> None:
        context = reacting(self._router, self._handler, fact.recorded)
        result = await self._router.deliver(self._handler, fact.event, context)
        if result.is_failure:
            cause = result.error if isinstance(result.error, Exception) else None
            errors = {self._handler.id: result.error}
            if self._router.settings.classifier.of_value(result.error).family is Family.UNAVAILABLE:
                raise Unavailable(f"{self._handler.id}: {result.error}") from cause
            raise HandlersFailed(event=self._handler.message_type, errors=errors) from cause
