"""Telling what an error means when it knows nothing of twofold: by its class, nearest first."""

from collections.abc import Mapping
from typing import TypeAlias

from twofold.errors._category import Category, refused, unavailable
from twofold.errors._error import TwofoldError
from twofold.errors._wiring import WiringError

Classification: TypeAlias = Mapping[type, Category]
"""Classes of exceptions or error values, and what each of them means."""

_BUILT_IN: Classification = {ConnectionError: unavailable, TimeoutError: unavailable}


class Classifier:
    """Answers which category an error belongs to.

    Args:
        errors: Classes that are not twofold's own, and their categories; they win over the built-in
            `ConnectionError` and `TimeoutError`.

    Raises:
        WiringError: What a class is said to mean is no category.
    """

    __slots__ = ("_errors",)

    def __init__(self, errors: Classification | None = None) -> None:
        self._errors: dict[type, Category] = {**_BUILT_IN, **(errors or {})}
        wrong = [cls.__qualname__ for cls, category in self._errors.items() if category not in tuple(Category)]
        if wrong:
            raise WiringError(
                f"errors= says of {', '.join(wrong)} what is no category: use twofold.errors.refused, say"
            )
        self._errors = {cls: Category(category) for cls, category in self._errors.items()}

    def of_exception(self, error: BaseException) -> Category | None:
        """The category of an exception, or None for one that is a bug."""
        for ancestor in type(error).__mro__:
            if ancestor in self._errors:
                return self._errors[ancestor]
            if issubclass(ancestor, TwofoldError) and "category" in vars(ancestor):
                return ancestor.category
        return None

    def of_value(self, error: object) -> Category:
        """The category of what a Failure holds; a plain value is a business refusal."""
        if isinstance(error, BaseException):
            return self.of_exception(error) or refused
        for ancestor in type(error).__mro__:
            if ancestor in self._errors:
                return self._errors[ancestor]
        return refused
