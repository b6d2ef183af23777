"""Recording events that are published: in the unit of work that is at work, or in one of their own."""

from collections.abc import Callable
from typing import Any, final

from twofold.dispatch import Router
from twofold.errors import TwofoldError, WiringError
from twofold.messages import Context, Origin
from twofold.result import Failure, Result, Success
from twofold.store import UnitOfWork, current_unit, refuse_in_query, working


@final
class Publisher:
    """Records events.

    Args:
        router: Makes their contexts.
        new_unit: Makes a unit of work, where none is at work; raises when the application is not running.
    """

    def __init__(self, router: Router, new_unit: Callable[[Context], UnitOfWork]) -> None:
        self._router = router
        self._new_unit = new_unit

    async def __call__(self, event: Any, origin: Origin | None, survive: bool) -> Result[None, Any]:
        refuse_in_query(event)
        unit = current_unit(self._router.catalogue)
        if unit is not None:
            if survive:
                await unit.record_surviving(event)
            else:
                unit.record(event)
            return Success()
        try:
            async with working(self._new_unit(self._router.context(origin))) as unit:
                unit.record(event)
                await unit.commit()
        except WiringError:
            raise
        except TwofoldError as error:
            return Failure(error)
        return Success()
