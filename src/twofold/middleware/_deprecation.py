"""Counting who still sends what will go."""

from collections.abc import Awaitable
from typing import Any

from twofold.dispatch import Handler, Next, Stage
from twofold.messages import Context, wire_name
from twofold.middleware._tally import Tally
from twofold.result import Result


def deprecation_stage(tally: Tally) -> Stage:
    """The stage, for messages whose handler says `deprecated`.

    Args:
        tally: Counts them, whatever they are answered.
    """

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        if not handler.options.get("deprecated"):
            return None
        name = wire_name(handler.message_type).name

        def counted(message: Any, context: Context) -> Awaitable[Result[Any, Any]]:
            tally("deprecated", name)
            return call_next(message, context)

        return counted

    return Stage("deprecation", wrap)
