"""Checking a message once more before it is handled, and normalising it, whichever door it came through."""

from collections.abc import Awaitable
from typing import Any

from pydantic import ValidationError

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import Invalid
from twofold.messages import Catalogue, Context, Kind
from twofold.result import Failure, Result


def validation_stage(catalogue: Catalogue) -> Stage:
    """The stage, for commands and queries; events are facts and are not asked again.

    Args:
        catalogue: Where the codecs are.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        if handler.kind is Kind.EVENT:
            return None
        kind = catalogue.of(handler.message_type)
        check = kind.check

        def validation(message: Any, context: Context) -> Awaitable[Result[Any, Any]]:
            try:
                normal = check(message)
            except ValidationError as error:
                return _refused(kind.refusal(error))
            return call_next(normal, context)

        return validation

    return Stage("validation", wrap)


async def _refused(error: Invalid) -> Result[Any, Any]:
    return Failure(error)
