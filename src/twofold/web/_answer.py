"""What a handler answers, as the web writes it, and when it may say nothing."""

from collections.abc import Mapping
from types import NoneType
from typing import Any, cast, final, get_args, get_origin

from twofold.dispatch import UNIONS, AnswerCodec, Handler, answered_type
from twofold.errors import FaultError
from twofold.messages import Feed, Origin, Page
from twofold.web._shape import fields_of


@final
class Answer(AnswerCodec):
    """The type that a handler answers with, which the API document repeats.

    Args:
        handler: The handler.

    Raises:
        WiringError: There is no way to write the type as JSON, or it does not have the field that is its version.
    """

    __slots__ = ("_version", "followed", "may_be_silent", "nothing", "optional", "paged")

    def __init__(self, handler: Handler) -> None:
        promised = answered_type(handler)
        self.nothing = promised is NoneType
        """Whether it never says anything."""
        self.optional = NoneType in get_args(promised) and get_origin(promised) in UNIONS
        """Whether it may find nothing to say."""
        self.may_be_silent = self.nothing or self.optional or promised is Any
        """Whether None is an answer."""
        self.paged = get_origin(promised) is Page
        """Whether it is a page of a list."""
        self.followed = promised is Feed
        """Whether it says which events may be followed, and is nothing that could be written."""
        super().__init__(str if self.followed else promised)
        self._version = handler.door.version
        if self._version is not None and self._version not in fields_of(self.adapter.json_schema(mode="serialization")):
            raise FaultError(
                where=handler.id,
                code="impossible_route",
                text=f"says that the version of its answer is {self._version}, which it does not have",
                hint="name a field of what it answers",
            )

    def body_of(self, value: object, origin: Origin) -> bytes:
        """An answer as JSON, which it may be already.

        Args:
            value: The answer.
            origin: Where its message came from.

        Raises:
            WiringError: It is not what was promised.
        """
        written = None if origin.receipt is None else origin.receipt.answer
        return written[1] if written is not None and written[0] is value else self.dump(value)

    def version_of(self, value: object) -> int | None:
        """The version of what an answer shows; None where the handler names none.

        Args:
            value: The answer.
        """
        if self._version is None:
            return None
        plain = isinstance(value, Mapping)
        found = cast("Any", value)[self._version] if plain else getattr(cast("Any", value), self._version)
        return found if isinstance(found, int) else None
