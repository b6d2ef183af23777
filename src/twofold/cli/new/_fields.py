"""Fields as they are typed, `quantity:int`, and what is known of each type: values that a test sends, and one that a
rule refuses.
"""

import keyword
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import rich_click as click

from twofold.messages import is_telling

LONGEST: Final = 30
"""The most letters of a name, so that no line gets too long."""

Import = tuple[str, str]
"""A Python module, and a name in it."""


class Type(NamedTuple):
    """A type that a field may have.

    Args:
        imports: What has to be imported for it.
        good: A value, in Python.
        sent: The same in JSON, as Python writes it.
        bad: A value that the rule refuses.
        rule: What is wrong with it, as a condition.
        why: The same in words.
    """

    imports: tuple[Import, ...]
    good: str
    sent: str
    bad: str
    rule: str
    why: str


_DATETIME: Final = (("datetime", "UTC"), ("datetime", "datetime"))
TYPES: Final[dict[str, Type]] = {
    "str": Type((), '"text"', '"text"', '" "', "not {}.strip()", "is blank"),
    "int": Type((), "1", "1", "0", "{} <= 0", "is not above zero"),
    "float": Type((), "1.5", "1.5", "0.0", "{} <= 0", "is not above zero"),
    "bool": Type((), "True", "True", "False", "not {}", "is not so"),
    "Decimal": Type((("decimal", "Decimal"),), 'Decimal("1.5")', '"1.5"', "Decimal(0)", "{} <= 0", "is not above zero"),
    "UUID": Type(
        (("uuid", "UUID"),),
        "UUID(int=1)",
        '"00000000-0000-0000-0000-000000000001"',
        "UUID(int=0)",
        "{}.int == 0",
        "names nothing",
    ),
    "date": Type(
        (("datetime", "date"),), "date(2030, 1, 2)", '"2030-01-02"', "date(1, 1, 1)", "{}.year < 1900", "is too old"
    ),
    "datetime": Type(
        _DATETIME,
        "datetime(2030, 1, 2, tzinfo=UTC)",
        '"2030-01-02T00:00:00Z"',
        "datetime(1, 1, 1, tzinfo=UTC)",
        "{}.year < 1900",
        "is too old",
    ),
}


class Field(NamedTuple):
    """A field.

    Args:
        name: What it is called.
        type_name: One of `TYPES`.
    """

    name: str
    type_name: str

    @property
    def type(self) -> Type:
        """What is known of its type."""
        return TYPES[self.type_name]

    @property
    def is_secret(self) -> bool:
        """Whether it must be in no event: its name says so."""
        return is_telling(self.name)

    @property
    def imports(self) -> list[Import]:
        """What its annotation needs."""
        secret = [("typing", "Annotated"), ("twofold", "Secret")] if self.is_secret else []
        return [*(one for one in self.type.imports if one[1] != "UTC"), *secret]


def key_of(thing: str) -> Field:
    """The field that names a thing; `id` where its own name would be taken for a secret."""
    name = f"{thing}_id"
    return Field("id" if is_telling(name) else name, "UUID")


def parse(words: Iterable[str], *, reserved: Sequence[str] = ()) -> tuple[Field, ...]:
    """Fields, as they were typed.

    Args:
        words: `name:type` each.
        reserved: Names that no field may have.

    Raises:
        UsageError: One is none, or has no type that is known.
    """
    fields: dict[str, Field] = {}
    for word in words:
        name, _, type_name = word.partition(":")
        if type_name not in TYPES:
            raise click.UsageError(f"{word!r} is no field: write item:str, with one of {', '.join(TYPES)}")
        if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower() or name.startswith("_"):
            raise click.UsageError(f"{name!r} is no name for a field: order_id is one")
        if len(name) > LONGEST:
            raise click.UsageError(f"{name!r} is longer than {LONGEST} letters")
        if name in fields or name in (*reserved, *TYPES, "self", "cls"):
            raise click.UsageError(f"a field {name!r} is there already" if name in fields else f"{name!r} is taken")
        fields[name] = Field(name, type_name)
    return tuple(fields.values())


def declared(fields: Iterable[Field]) -> str:
    """Fields in the body of a class."""
    return "\n".join(
        f"    {one.name}: {f'Annotated[{one.type_name}, Secret]' if one.is_secret else one.type_name}" for one in fields
    )


def good(fields: Iterable[Field]) -> list[str]:
    """Arguments that give each field a value."""
    return [f"{one.name}={one.type.good}" for one in fields]


def value_imports(fields: Iterable[Field]) -> list[Import]:
    """What values of fields need."""
    return [needed for one in fields for needed in one.type.imports]
