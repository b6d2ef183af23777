"""Personal data: which fields of a message tell of whom, read off their annotations.

A subject is written `kind:id`, as tags are. Its id stays readable wherever the message is kept, so it must tell nothing
by itself: an opaque id, unique in the application, and no address or name.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, get_args, get_origin, get_type_hints

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidatorFunctionWrapHandler
from pydantic_core import core_schema

from twofold.errors import WiringError
from twofold.messages._erased import Erased, is_erased, sealed_text
from twofold.messages._message import Event
from twofold.messages._name import event
from twofold.messages._tag import NAME

PERSONAL: Final = "x-personal"
"""What the JSON Schema of such a field says: the kind of its subject."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Marks the field of a message that says whom its personal data is of.

    Args:
        kind: What the subject is, in lower case: `customer`. Its key is that of `customer:` and the value.

    Raises:
        WiringError: It is no such word.
    """

    kind: str

    def __post_init__(self) -> None:
        _require_kind(self.kind)


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field of a message as data of a subject: whatever keeps the message has it encrypted with their key.

    The field of an event also takes `Erased`, which is what it has once the key is destroyed.

    Args:
        kind: The kind of the subject; another field of the message is marked as the `Subject` of this kind.

    Raises:
        WiringError: It is no such word.

    Example:
        >>> @dataclass(frozen=True, kw_only=True)
        ... class CustomerRegistered(Event):
        ...     customer_id: Annotated[str, Subject("customer")]
        ...     email: Annotated[str | Erased, Personal("customer")]
    """

    kind: str

    def __post_init__(self) -> None:
        _require_kind(self.kind)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        admits = admits_erased(source)

        def read(value: Any, inner: ValidatorFunctionWrapHandler) -> Any:
            if sealed_text(value) is not None:
                raise ValueError("it is encrypted for another place than this, or was changed")
            return Erased() if admits and is_erased(value) else inner(value)

        return core_schema.no_info_wrap_validator_function(read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), PERSONAL: self.kind}


class PersonalField(NamedTuple):
    """A field with personal data.

    Args:
        name: Its name.
        kind: The kind of the subject.
        subject: The field that says who it is; None when none does.
        erasable: Whether it takes `Erased`.
    """

    name: str
    kind: str
    subject: str | None
    erasable: bool


@event(name="twofold.subject_erased")
@dataclass(frozen=True, kw_only=True)
class SubjectErased(Event):
    """The key of a subject was destroyed: whoever has kept what is of them forgets it.

    Args:
        kind: What the subject is.
        id: Which one.
    """

    kind: str
    id: str


def personal_fields(cls: type) -> tuple[PersonalField, ...]:
    """The fields of a class that are personal.

    Raises:
        WiringError: An annotation of the class cannot be resolved.
    """
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise WiringError(f"{cls.__qualname__} has an annotation that cannot be resolved: {error}") from error
    subjects = {mark.kind: name for name, hint in hints.items() for mark in _marks(hint) if isinstance(mark, Subject)}
    return tuple(
        PersonalField(name, mark.kind, subjects.get(mark.kind), admits_erased(get_args(hint)[0]))
        for name, hint in hints.items()
        for mark in _marks(hint)
        if isinstance(mark, Personal)
    )


def admits_erased(kind: Any) -> bool:
    """Whether a type takes `Erased`."""
    return kind is Erased or Erased in get_args(kind)


def _marks(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def _require_kind(kind: str) -> None:
    if not NAME.fullmatch(kind):
        raise WiringError(f"{kind!r} is no kind of subject: a letter in lower case, then letters, digits, _ or -")
