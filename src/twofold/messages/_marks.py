"""Marks of fields: objects of ours in `Annotated[...]`, which say more of a field than its type."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from twofold.errors import WiringError

K = TypeVar("K")


def hints_of(cls: type) -> Mapping[str, Any]:
    """The annotations of a class, resolved, with the marks in them.

    Raises:
        WiringError: One cannot be resolved.
    """
    try:
        return get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise WiringError(f"{cls.__qualname__} has an annotation that cannot be resolved: {error}") from error


def marks_of(cls: type, kind: type[K]) -> Mapping[str, tuple[K, ...]]:
    """The marks of a kind, by field; fields without one are not in it.

    Raises:
        WiringError: An annotation of the class cannot be resolved.
    """
    annotated = ((name, hint) for name, hint in hints_of(cls).items() if get_origin(hint) is Annotated)
    found = ((name, tuple(mark for mark in get_args(hint)[1:] if isinstance(mark, kind))) for name, hint in annotated)
    return {name: marks for name, marks in found if marks}
