"""What a handler answers, as JSON and back: the type is read off the handler once, and a serialiser built for it.

The type is a promise, so an answer that breaks it is brought into shape or is a bug; what an object has beyond the
promised type never gets out.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import PydanticSerializationError

from twofold.dispatch._answers import answered_type
from twofold.dispatch._handler import Handler
from twofold.errors import WiringError
from twofold.messages import PLAIN, strict_writer


class AnswerCodec:
    """The codec of a type of answers.

    Args:
        promised: The type.

    Raises:
        WiringError: There is no way to write the type as JSON.
    """

    __slots__ = ("_may_be_none", "_promised", "_write", "adapter")

    def __init__(self, promised: Any) -> None:
        try:
            self.adapter = _adapter(promised)
            self.adapter.json_schema(mode="serialization")
            self._promised, self._write = promised, strict_writer(self.adapter)
        except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError) as error:
            reason = error.message.partition(". ")[0].removesuffix(".")  # of types, not of values
            raise WiringError(f"answers {promised}, which cannot be written as JSON: {reason}") from error
        self._may_be_none = _takes_none(self.adapter)

    def dump(self, value: object) -> bytes:
        """An answer as JSON; what it has beyond the promised type is left out.

        Raises:
            WiringError: It is not of the promised type, and cannot be brought into its shape. Nothing of it is told.
        """
        if value is not None or self._may_be_none:  # pydantic writes None as any type
            with suppress(PydanticSerializationError):
                return self._write(value)
            with suppress(ValidationError, PydanticSerializationError):
                return self._write(self.adapter.validate_python(value, from_attributes=True))
        # In words of our own: those of pydantic quote the value, and end up in a log.
        raise WiringError(f"a {type(value).__qualname__} was answered, and it or what is in it is no {self._promised}")

    def load(self, body: bytes) -> Any:
        """An answer from JSON.

        Raises:
            ValidationError: It is no answer of this type.
        """
        return self.adapter.validate_json(body)


def answer_proof(handler: Handler) -> Callable[[object], None]:
    """What proves that an answer is what a handler promises, for whoever does something that hangs on it.

    Nothing is proven of a type that has no form in JSON. The codec is made when the first answer comes.

    Args:
        handler: The handler.

    Returns:
        A function of the answer; it raises a WiringError for one that breaks the promise.
    """

    @cache
    def codec() -> AnswerCodec | None:
        with suppress(WiringError):
            return AnswerCodec(answered_type(handler))
        return None

    def prove(value: object) -> None:
        known = codec()
        if known is not None:
            known.dump(value)

    return prove


def _takes_none(adapter: TypeAdapter[Any]) -> bool:
    with suppress(ValidationError):
        adapter.validate_python(None)
        return True
    return False


def _adapter(promised: Any) -> TypeAdapter[Any]:
    """The codec; what is a class with fields brings its own settings."""
    try:
        return TypeAdapter(promised, config=PLAIN)
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
        return TypeAdapter(promised)
