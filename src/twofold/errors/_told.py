"""What may be told of an error to whoever asks: a stable code, and a text that tells nothing of what is inside."""

import re
from enum import Enum
from typing import Final

from twofold.errors._category import Category
from twofold.errors._error import TwofoldError
from twofold.errors._snake_case import snake_case
from twofold.errors._unavailable import StoreUnavailable

_CODE: Final = re.compile(r"[^a-z0-9_.-]+")


def code_of(error: object, category: Category) -> str:
    """The error's own code, else the name of its class; what Python itself has a class for has only a category.

    Args:
        error: What a Failure holds, or what was raised; not a bug.
        category: What it means.
    """
    own: object = getattr(error, "code", None)
    if isinstance(own, str) and not isinstance(error, Enum):
        return as_code(own) or category.value
    return class_code_of(error, category)


def class_code_of(error: object, category: Category) -> str:
    """The code that all errors of its class have, whatever this one says of itself: one of few, to count by.

    A member of an enumeration has its name, and what Python itself has a class for only a category.

    Args:
        error: What a Failure holds.
        category: What it means.
    """
    own: object = error.name if isinstance(error, Enum) else getattr(type(error), "code", None)
    if not isinstance(own, str):
        own = category.value if _is_plain(error) else snake_case(type(error).__name__)
    return as_code(own) or category.value


def error_name(error: object) -> str:
    """What an error is called where the people who run the application read it: its own code, else its class."""
    own: object = getattr(error, "code", None)  # of a library it may be anything: None with SQLAlchemy
    return own if isinstance(own, str) else type(error).__qualname__


def line_of(error: Exception) -> str:
    """What an error is and says, in one line, for the people who run the application."""
    return f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")


def as_code(text: str) -> str:
    """A text as a code."""
    return _CODE.sub("_", text.lower()).strip("_")


def detail_of(error: object, category: Category) -> str:
    """What may be told: a rule's own words, and nothing of what a library or the store says about itself.

    Args:
        error: What a Failure holds, or what was raised; not a bug.
        category: What it means.
    """
    if isinstance(error, TwofoldError) and not isinstance(error, StoreUnavailable):
        return error.detail
    if category is Category.UNAVAILABLE:
        return "temporarily unavailable"
    if isinstance(error, Enum):
        return str(error.value)
    if _is_plain(error) or type(error).__str__ is not object.__str__:
        return str(error)
    return snake_case(type(error).__name__).replace("_", " ")


def _is_plain(error: object) -> bool:
    """Whether Python itself has a class for it, so that the class says nothing."""
    return type(error).__module__ == "builtins"
