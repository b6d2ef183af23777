"""A reaction: a handler of an event that runs behind the log; its work and its checkpoint commit together."""

from collections.abc import Sequence
from typing import final

from twofold.dispatch import Handler, Router
from twofold.errors import Conflict, HandlersFailed
from twofold.messages import Origin
from twofold.store import Fact, Move, Store, carrying

_HEADERS = ("causation_id", "correlation_id", "user_id", "tenant")


@final
class Reactor:
    """Follows the log for one event handler.

    Args:
        handler: The handler.
        router: Where its pipeline is.
        store: Where its checkpoint is.
    """

    batch_size = 1

    def __init__(self, handler: Handler, router: Router, store: Store) -> None:
        self._handler = handler
        self._router = router
        self._store = store
        self.types: Sequence[str] = [router.catalogue.of(handler.message_type).name]

    @property
    def name(self) -> str:
        """The handler's name in its module, and the event: its checkpoint is kept under it, so renaming starts anew."""
        return f"{self._handler.module}.{self._handler.name}:{self.types[0]}"

    async def handle(self, facts: Sequence[Fact], move: Move) -> None:
        """Run the handler; its work and the checkpoint commit together.

        Raises:
            HandlersFailed: It answered with a Failure; nothing was written.
            Conflict: It failed, and another process has moved the checkpoint meanwhile: the event is dealt with.
        """
        for fact in facts:
            headers = fact.recorded.headers
            origin = Origin(
                causation_id=headers.get("causation_id"),
                correlation_id=headers.get("correlation_id"),
                user_id=headers.get("user_id"),
                tenant=headers.get("tenant"),
                trace={name: value for name, value in headers.items() if name not in _HEADERS},
            )
            context = self._router.context(origin, fact.recorded.id)
            try:
                with carrying(move):
                    result = await self._router.deliver(self._handler, fact.event, context)
                if result.is_failure:
                    cause = result.error if isinstance(result.error, Exception) else None
                    errors = {self._handler.id: result.error}
                    raise HandlersFailed(event=self._handler.message_type, errors=errors) from cause
            except Exception as error:
                # Whatever it fails with after another process has done the same work, that is why.
                stands = await self._store.checkpoint(self.name)
                if stands == move.expected:
                    raise
                text = f"checkpoint {self.name!r} stands at {stands}, not at {move.expected}: another owner moved it"
                raise Conflict(text) from error
