"""What a handler answers, as JSON and back: the type is read off the handler once, and a serialiser built for it.

The type is a promise, so an answer that breaks it is brought into shape or is a bug; what an object has beyond the
promised type never gets out.
"""

import json
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from decimal import Decimal
from functools import cache, partial
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import PydanticSerializationError

from twofold.dispatch._answers import answered_type
from twofold.dispatch._handler import Handler
from twofold.dispatch._round_trip import comes_back, field_names, kinds_in
from twofold.errors import WiringError
from twofold.messages import PLAIN, Feed, plainly_so, strict_writer


class AnswerCodec:
    """The codec of a type of answers.

    Args:
        promised: The type.

    Raises:
        WiringError: There is no way to write the type as JSON.
    """

    __slots__ = ("_comes_back", "_is_plain", "_may_be_none", "_names", "_promised", "_write", "_write_plain", "adapter")

    def __init__(self, promised: Any) -> None:
        try:
            self.adapter, self._promised = _adapter(promised), promised
            self._write = strict_writer(self.adapter)
            self._write_plain: Callable[..., bytes] = self.adapter.serializer.to_json
            kinds = kinds_in(self.adapter.core_schema)
            nulls = _has_numbers(self.adapter.json_schema(mode="serialization")) or "any" in kinds
            if nulls or "decimal" in kinds:
                refusing = partial(self._numbers_only, nulls=nulls)
                self._write, self._write_plain = map(refusing, (self._write, self._write_plain))
        except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError) as error:
            reason = error.message.partition(". ")[0].removesuffix(".")  # of types, not of values
            raise WiringError(f"answers {promised}, which cannot be written as JSON: {reason}") from error
        schema = self.adapter.core_schema
        self._comes_back = comes_back(schema)
        self._is_plain = plainly_so(schema, bounded=False)
        self._names = field_names(schema)
        self._may_be_none = _takes_none(self.adapter)

    def dump(self, value: object) -> bytes:
        """An answer as JSON; what it has beyond the promised type is left out.

        Raises:
            WiringError: It is not of the promised type, and cannot be brought into its shape. Nothing of it is told.
        """
        if self._is_plain(value):
            return self._write_plain(value, warnings=False)
        if self._can_be_read_once(value):
            raise self._broken(value, "it can be read once, and whoever looks at it has read it: answer a list of it")
        try:
            return self._proven(value) if self._comes_back else self._shaped(value)
        except WiringError:
            raise
        except Exception as error:  # noqa: BLE001  # also of a validator that meets what it was not written for
            raise self._broken(value, self._reasons(error)) from None

    def load(self, body: bytes) -> Any:
        """An answer from JSON.

        Raises:
            WiringError: It is no answer of this type. Nothing of it is told.
        """
        try:
            return self.adapter.validate_json(body)
        except Exception as error:  # noqa: BLE001  # also of a validator that meets what it was not written for
            text = f"what was answered cannot be read again as {self._promised}: {self._reasons(error)}"
            raise WiringError(text) from None

    def _can_be_read_once(self, value: object) -> bool:
        return isinstance(value, Iterator) and self.adapter.core_schema["type"] not in ("any", "generator")

    def _proven(self, value: object) -> bytes:
        """An answer of a type that comes back from JSON, which looks at all of it; pydantic believes an instance."""
        body = self._write(self.adapter.validate_python(value, from_attributes=True))
        self.adapter.validate_json(body)
        return body

    def _shaped(self, value: object) -> bytes:
        """An answer of a type that has its own ways to be read or written: it is written if that is possible at all."""
        if value is not None or self._may_be_none:  # pydantic writes None as any type
            with suppress(PydanticSerializationError):
                return self._write(value)
        return self._write(self.adapter.validate_python(value, from_attributes=True))

    def _numbers_only(self, write: Callable[..., bytes], *, nulls: bool) -> Callable[..., bytes]:
        """The same for what may have numbers in it, which refuses those that JSON does not have.

        pydantic writes a text for such a number, and `null` for those that are no Decimal, unless it is told otherwise.
        """

        def written(value: object, **options: Any) -> bytes:
            body = write(value, **options)
            # By `find`, since `in` looks for a number first, and makes an exception of finding none.
            if body.find(b"NaN") >= 0 or body.find(b"Infinity") >= 0 or (nulls and body.find(b"null") >= 0):
                plain = self.adapter.serializer.to_python(value, warnings=False)
                try:
                    json.dumps(plain, allow_nan=False, skipkeys=True, default=_finite)
                except ValueError:
                    raise self._broken(value, "JSON has neither NaN nor an infinity") from None
            return body

        return written

    def _broken(self, value: object, why: str) -> WiringError:
        # In words of our own: those of pydantic quote the value, and end up in a log.
        return WiringError(f"a {type(value).__qualname__} was answered, which is no {self._promised}: {why}")

    def _reasons(self, error: Exception) -> str:
        """Where an answer is not as promised, and by which rule; of what it holds only the names that its type has."""
        if isinstance(error, PydanticSerializationError):
            return "it or what is in it is of another type"
        if not isinstance(error, ValidationError):
            return f"a validator ended in a {type(error).__name__}"
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return "; ".join(f"{self._place(one['loc'])} ({one['type']})" for one in found)

    def _place(self, path: tuple[int | str, ...]) -> str:
        return ".".join(str(one) if isinstance(one, int) or one in self._names else "*" for one in path) or "it"


def answer_proof(handler: Handler) -> Callable[[object], bytes | None] | None:
    """What proves that an answer is what a handler promises, for whoever does something that hangs on it.

    Args:
        handler: The handler.

    Returns:
        A function of the answer, which gives it as JSON where it has such a form, and raises a WiringError for one that
        breaks the promise. None for a handler that promises nothing. The codec is made when the first answer comes.
    """
    promised = answered_type(handler)
    if promised is Any or promised is Feed:
        return None

    @cache
    def codec() -> AnswerCodec | None:
        with suppress(WiringError):
            return AnswerCodec(promised)
        return None

    def prove(value: object) -> bytes | None:
        known = codec()
        if known is None:
            return None
        try:
            return known.dump(value)
        except WiringError as error:
            raise WiringError(f"{handler.id}: {error.detail}") from None

    return prove


def _has_numbers(schema: object) -> bool:
    """Whether a JSON Schema says `number` anywhere."""
    if isinstance(schema, list):
        return any(map(_has_numbers, cast("list[object]", schema)))
    if not isinstance(schema, dict):
        return False
    node = cast("dict[str, object]", schema)
    return node.get("type") == "number" or any(map(_has_numbers, node.values()))


def _finite(value: object) -> object:
    """What `json` does not know: what is in it, and None for what holds no number.

    Raises:
        ValueError: It is a number that JSON does not have.
    """
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError
    return [*cast("Collection[object]", value)] if isinstance(value, set | frozenset | deque) else None


def _takes_none(adapter: TypeAdapter[Any]) -> bool:
    with suppress(Exception):  # a validator may meet what it was not written for
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
