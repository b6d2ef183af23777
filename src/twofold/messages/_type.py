"""A message class as the rest of twofold knows it: its kind, its wire name, and its codec.

One pydantic adapter per class validates, normalises, encodes and decodes it, dataclass and model alike.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import PydanticSerializationError

from twofold.errors import Finding, Invalid, Undecodable, WiringError
from twofold.messages._fields import context_fields
from twofold.messages._findings import findings
from twofold.messages._kind import Kind
from twofold.messages._message import Command, Event, Query
from twofold.messages._name import WireName, wire_name
from twofold.messages._personal import PersonalField, personal_fields
from twofold.messages._tag import tag_fields, tags_of
from twofold.messages._telling import holds_secret

M = TypeVar("M")

_BASES: dict[type, Kind] = {Command: Kind.COMMAND, Query: Kind.QUERY, Event: Kind.EVENT}


class MessageType(Generic[M]):
    """A message class with its kind, wire name and codec.

    Args:
        cls: The class: a dataclass, a pydantic model, or a plain class with annotations.
        kind: Its kind; read off its base class unless given.

    Raises:
        WiringError: The class has no base that says its kind, and none is given.
    """

    def __init__(self, cls: type[M], kind: Kind | None = None) -> None:
        inherited = self.kind_of(cls)
        if kind is None and inherited is None:
            raise WiringError(
                f"{cls.__qualname__} is no Command, Query or Event, and nothing else says what kind of message it is"
            )
        self.cls = cls
        self.kind: Kind = cast("Kind", kind or inherited)
        self.wire: WireName = wire_name(cls)

    @staticmethod
    def kind_of(message: type) -> Kind | None:
        """The kind that a class inherits, or None for one that knows nothing of twofold."""
        return next((kind for base, kind in _BASES.items() if issubclass(message, base)), None)

    @property
    def name(self) -> str:
        """Its wire name."""
        return self.wire.name

    @cached_property
    def adapter(self) -> TypeAdapter[M]:
        """The codec.

        What runs for every message goes straight to the methods of its `validator` and `serializer`, looked up once:
        the adapter's own methods pass on a dozen options, which costs half as much again.

        Raises:
            WiringError: A field of the class cannot be encoded.
        """
        name = self.cls.__qualname__
        if not issubclass(self.cls, BaseModel):
            own: ConfigDict | None = getattr(self.cls, "__pydantic_config__", None)
            if own is None and not is_dataclass(self.cls):
                raise WiringError(f"{name} is neither a dataclass nor a pydantic model")
            usual = (Event if self.kind is Kind.EVENT else Command).__pydantic_config__
            config = ConfigDict({**usual, **(own or {})})
            if own != config:
                # The one way that pydantic has to configure a plain dataclass; the same for every application. Models
                # inherit settings that they do not mention, and so do dataclasses here.
                with_config(config)(self.cls)
        for field in _open_fields(self.cls):
            raise WiringError(f"{name} cannot be encoded: the type of its field {field!r} is open")
        try:
            adapter = TypeAdapter(self.cls)
            if not adapter.pydantic_complete:
                adapter.rebuild(raise_errors=True)
            return adapter
        except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError) as error:
            reason = str(error).splitlines()[0]
            raise WiringError(f"{name} cannot be encoded: {reason}") from error

    @cached_property
    def check(self) -> Callable[[object], M]:
        """What `validate` calls, and raises a `ValidationError`: for what runs at every dispatch."""
        return self.adapter.validator.validate_python

    @cached_property
    def _read(self) -> Callable[[bytes | str], M]:
        return self.adapter.validator.validate_json

    @cached_property
    def _write(self) -> Callable[..., bytes]:
        return self.adapter.serializer.to_json

    @cached_property
    def context_fields(self) -> Mapping[str, str]:
        """Fields that the context fills: field name to the context's fact."""
        return context_fields(self.cls)

    @cached_property
    def tag_fields(self) -> Mapping[str, tuple[str, ...]]:
        """Fields that say what it concerns: field name to the names of its tags."""
        return tag_fields(self.cls)

    @cached_property
    def personal_fields(self) -> tuple[PersonalField, ...]:
        """Fields with personal data."""
        return personal_fields(self.cls)

    def tags(self, message: M) -> tuple[str, ...]:
        """What a message concerns, `name:value`, sorted.

        Raises:
            WiringError: A field has a value that makes no tag.
        """
        marked = self.tag_fields
        return tags_of(message, marked) if marked else ()

    def validate(self, message: object) -> M:
        """The message again, checked and normalised.

        Raises:
            Invalid: With every finding.
        """
        try:
            return self.check(message)
        except ValidationError as error:
            raise self.refusal(error) from None

    def parse(self, body: bytes | str) -> M:
        """A message from JSON that comes from outside.

        Raises:
            Invalid: With every finding, by field.
        """
        try:
            return self._read(body)
        except ValidationError as error:
            raise self.refusal(error) from None

    def refusal(self, error: ValidationError) -> Invalid:
        """Every finding of pydantic's, in twofold's words."""
        return Invalid(findings=self._findings(error))

    def encode(self, message: M) -> bytes:
        """The message as JSON bytes."""
        return self._write(message)

    def record(self, event: M) -> bytes:
        """An event as JSON bytes that are read again for as long as the log is kept.

        Raises:
            WiringError: They could not be: a value is not what the class says, or a number that would be read as None.
        """
        try:
            body = self._write(event, warnings=False)
            again = self.decode(body)
        except Undecodable as error:
            raise self._unfit(f"could not be read again: {error.cause}") from None
        except PydanticSerializationError as error:
            raise self._unfit(f"cannot be written: {error}") from None
        # By `find`, since `in` looks for a number first, and makes an exception of finding none.
        if body.find(b"null") >= 0 and again != event and self._not_finite(again) != self._not_finite(event):
            raise self._unfit("JSON has nothing for its NaN or infinity")
        return body

    def decode(self, body: bytes | str) -> M:
        """A message from JSON that twofold wrote.

        Raises:
            Undecodable: The body does not fit the class.
        """
        try:
            return self._read(body)
        except ValidationError as error:
            raise Undecodable(
                name=self.name, cause="; ".join(str(finding) for finding in self._findings(error))
            ) from None
        except Exception as error:  # a validator of the class that meets what it was not written for
            raise Undecodable(name=self.name, cause=f"{type(error).__name__}: {error}") from error

    def schema(self) -> dict[str, Any]:
        """Its JSON Schema (draft 2020-12)."""
        return self.adapter.json_schema()

    def _unfit(self, why: str) -> WiringError:
        return WiringError(f"{self.cls.__qualname__} is recorded, and {why}")

    def _not_finite(self, message: M) -> int:
        return _not_finite(self.adapter.serializer.to_python(message, warnings=False))

    def _findings(self, error: ValidationError) -> list[Finding]:
        return findings(error.errors(include_url=False), self._is_secret)

    def _is_secret(self, path: tuple[str | int, ...]) -> bool:
        return self._shape is None or holds_secret(self._shape, path)

    @cached_property
    def _shape(self) -> Mapping[str, Any] | None:
        """Its JSON Schema; None when it has none, and nobody knows what of it is a secret."""
        try:
            return self.schema()
        except (PydanticUserError, WiringError):
            return None

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} v{self.wire.version}: {self.cls.__qualname__}>"


def _open_fields(cls: type) -> Iterator[str]:
    """Fields of a dataclass whose types hold a type variable: pydantic takes anything for those, closed or not."""
    for field in fields(cls) if is_dataclass(cls) else ():
        if isinstance(field.type, TypeVar) or getattr(field.type, "__parameters__", None):
            yield field.name


def _not_finite(plain: object) -> int:
    """How many numbers JSON does not have."""
    if isinstance(plain, float):
        return not math.isfinite(plain)
    if isinstance(plain, Mapping):
        return sum(map(_not_finite, cast("Mapping[object, object]", plain).values()))
    if isinstance(plain, list | tuple | set | frozenset):
        return sum(map(_not_finite, cast("Iterable[object]", plain)))
    return 0
