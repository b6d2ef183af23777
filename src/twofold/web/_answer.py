"""What a handler answers, as JSON: the type is read off the handler once, and a serialiser built for it.

The type is a promise that the API document repeats, so an answer that breaks it is brought into shape or is a bug; what
an object has beyond the promised type never gets out.
"""

from types import NoneType
from typing import Any, final, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import PydanticSerializationError

from twofold.dispatch import UNIONS, Handler, answered_type
from twofold.errors import WiringError


@final
class Answer:
    """The type that a handler answers with.

    Args:
        handler: The handler.

    Raises:
        WiringError: There is no way to write the type as JSON.
    """

    __slots__ = ("adapter", "may_be_silent", "nothing", "optional")

    def __init__(self, handler: Handler) -> None:
        promised = answered_type(handler)
        self.nothing = promised is NoneType
        """Whether it never says anything."""
        self.optional = NoneType in get_args(promised) and get_origin(promised) in UNIONS
        """Whether it may find nothing to say."""
        self.may_be_silent = self.nothing or self.optional or promised is Any
        """Whether None is an answer."""
        try:
            self.adapter: TypeAdapter[Any] = TypeAdapter(promised)
            self.adapter.json_schema(mode="serialization")
        except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError) as error:
            raise WiringError(f"answers {promised}, which cannot be written as JSON") from error

    def dump(self, value: object) -> bytes:
        """An answer as JSON.

        Raises:
            ValidationError: It is not of the promised type, and cannot be brought into its shape.
        """
        try:
            return self.adapter.dump_json(value, warnings="error")
        except PydanticSerializationError:
            return self.adapter.dump_json(self.adapter.validate_python(value, from_attributes=True))
