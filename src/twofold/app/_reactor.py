"""A reaction: a handler of an event that runs behind the log; its work and its checkpoint commit together."""

from collections.abc import Sequence
from typing import final

from twofold.app._origins import origin_of
from twofold.dispatch import Handler, Router, Start
from twofold.errors import Family, HandlersFailed, Unavailable
from twofold.store import Batch, Fact, Selection, carrying


@final
class Reactor:
    """Follows the log for one event handler.

    Args:
        handler: The handler.
        router: Where its pipeline is.
    """

    batch_size = 1
    version = 0

    def __init__(self, handler: Handler, router: Router) -> None:
        self._handler = handler
        self._router = router
        self._event = router.catalogue.of(handler.message_type).name
        following = handler.following
        self.selection = Selection(types=frozenset({self._event}), tags=following.tags, stream=following.stream)
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
        for fact in facts:
            context = self._router.context(origin_of(fact.recorded), fact.recorded.id)
            with carrying(settled):
                result = await self._router.deliver(self._handler, fact.event, context)
            if result.is_failure:
                cause = result.error if isinstance(result.error, Exception) else None
                errors = {self._handler.id: result.error}
                if self._router.settings.classifier.of_value(result.error).family is Family.UNAVAILABLE:
                    raise Unavailable(f"{self._handler.id}: {result.error}") from cause
                raise HandlersFailed(event=self._handler.message_type, errors=errors) from cause
