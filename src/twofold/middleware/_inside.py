"""Finding the message that has what a part of it would ask for once more, and so wait for itself."""

from collections.abc import Mapping

from twofold.messages import Context


def inside(held: Mapping[Context, object], what: object, context: Context) -> Context | None:
    """The nearest message, of those that one is a part of, that has something; None when it comes from outside.

    Args:
        held: What messages have, by their contexts.
        what: The thing.
        context: The context of the one that asks.
    """
    around = context.parent
    while around is not None and held.get(around) is not what:
        around = around.parent
    return around
