"""What a handler answers, as the web writes it, and when it may say nothing."""

from types import NoneType
from typing import Any, final, get_args, get_origin

from twofold.dispatch import UNIONS, AnswerCodec, Handler, answered_type


@final
class Answer(AnswerCodec):
    """The type that a handler answers with, which the API document repeats.

    Args:
        handler: The handler.

    Raises:
        WiringError: There is no way to write the type as JSON.
    """

    __slots__ = ("may_be_silent", "nothing", "optional")

    def __init__(self, handler: Handler) -> None:
        promised = answered_type(handler)
        self.nothing = promised is NoneType
        """Whether it never says anything."""
        self.optional = NoneType in get_args(promised) and get_origin(promised) in UNIONS
        """Whether it may find nothing to say."""
        self.may_be_silent = self.nothing or self.optional or promised is Any
        """Whether None is an answer."""
        super().__init__(promised)
