"""What a handler answers, as JSON: the type is read off the handler once, and a serialiser built for it.

The type is a promise that the API document repeats, so an answer that breaks it is brought into shape or is a bug; what
an object has beyond the promised type never gets out.
"""

import sys
from types import NoneType, UnionType
from typing import Any, Final, Union, cast, final, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import PydanticSerializationError

from twofold.dispatch import Handler
from twofold.errors import WiringError
from twofold.messages import Command, Query
from twofold.result import Failure, Result, Success

_UNIONS: Final = (Union, UnionType)


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
        self.optional = NoneType in get_args(promised) and get_origin(promised) in _UNIONS
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


def answered_type(handler: Handler) -> Any:
    """The type of a Success of a handler: as annotated, else as its message promises, else anything."""
    annotated = _success(handler.answers)
    return _promised(handler.message_type) if annotated is Any else annotated


def _success(hint: Any) -> Any:
    """`T` of `T`, `Result[T, E]`, `Success[T]` and `Success[T] | Failure[E]`."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is None:
        return NoneType
    if origin in (Result, Success):
        return _success(args[0])
    if hint in (Result, Success, Failure):
        return Any
    if origin in _UNIONS:
        kept = [_success(one) for one in args if get_origin(one) is not Failure and one is not Failure]
        return cast("Any", Union)[tuple(kept)] if kept else Any
    return hint


def _promised(message_type: type) -> Any:
    """`R` of `class X(Command[R])`."""
    for ancestor in message_type.__mro__:
        for base in getattr(ancestor, "__orig_bases__", ()):
            if get_origin(base) in (Command, Query):
                return _success(_resolved(get_args(base)[0], ancestor))
    return Any


def _resolved(hint: Any, cls: type) -> Any:
    """A type that may be written as text, in the names of the Python module of a class."""

    def promise() -> None: ...

    promise.__annotations__ = {"return": hint}
    try:
        return get_type_hints(promise, globalns=vars(sys.modules[cls.__module__]), include_extras=True)["return"]
    except NameError:
        return Any
