"""What a handler answers, as JSON and back: the type is read off the handler once, and a serialiser built for it.

The type is a promise, so an answer that breaks it is brought into shape or is a bug; what an object has beyond the
promised type never gets out.
"""

from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import PydanticSerializationError

from twofold.errors import WiringError
from twofold.messages import PLAIN, strict_writer


class AnswerCodec:
    """The codec of a type of answers.

    Args:
        promised: The type.

    Raises:
        WiringError: There is no way to write the type as JSON.
    """

    __slots__ = ("_write", "adapter")

    def __init__(self, promised: Any) -> None:
        try:
            self.adapter = _adapter(promised)
            self.adapter.json_schema(mode="serialization")
            self._write = strict_writer(self.adapter)
        except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError) as error:
            raise WiringError(f"answers {promised}, which cannot be written as JSON") from error

    def dump(self, value: object) -> bytes:
        """An answer as JSON.

        Raises:
            ValidationError: It is not of the promised type, and cannot be brought into its shape.
        """
        try:
            return self._write(value)
        except PydanticSerializationError:
            return self.adapter.dump_json(self.adapter.validate_python(value, from_attributes=True))

    def load(self, body: bytes) -> Any:
        """An answer from JSON.

        Raises:
            ValidationError: It is no answer of this type.
        """
        return self.adapter.validate_json(body)


def _adapter(promised: Any) -> TypeAdapter[Any]:
    """The codec; what is a class with fields brings its own settings."""
    try:
        return TypeAdapter(promised, config=PLAIN)
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
        return TypeAdapter(promised)
