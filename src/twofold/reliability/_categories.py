"""Which errors a breaker counts and a retry tries again: categories, by themselves or as a family."""

from collections.abc import Iterable
from typing import Final, TypeAlias, cast

from twofold.errors import Category, Family
from twofold.reliability._values import wrong

On: TypeAlias = Iterable[Category | Family | str]
"""Categories, families, or their names; a name of a family means all of it."""

_PASSING: Final = (Family.UNAVAILABLE, Family.CONFLICT)
PASSING: Final = frozenset(category for category in Category if category.family in _PASSING)
"""What another try may mend."""


def categories(field: str, value: object) -> frozenset[Category]:
    """The categories that a setting means.

    Args:
        field: Where it is set.
        value: One or several of them, or a text with commas between their names.

    Raises:
        WiringError: Something else, or a category that another try never mends: a refusal, a wiring mistake.
    """
    several = value.split(",") if type(value) is str else (value,) if isinstance(value, str) else value
    if not isinstance(several, Iterable):
        raise _mistake(field, value)
    found = frozenset[Category]().union(*(_one(field, item) for item in cast("Iterable[object]", several)))
    if not found or not found <= PASSING:
        raise _mistake(field, value)
    return found


def _one(field: str, item: object) -> frozenset[Category]:
    if isinstance(item, Category):
        return frozenset({item})
    name = str(item).strip().lower()
    members = frozenset(category for category in Category if category.family.value == name)
    if members:
        return members
    if name in tuple(Category):
        return frozenset({Category(name)})
    raise _mistake(field, item)


def _mistake(field: str, value: object) -> Exception:
    return wrong(field, value, f"some of {', '.join(sorted(PASSING))}")
