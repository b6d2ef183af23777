"""The two tracks of a railway: `Success` carries a value, `Failure` an error; both are immutable values.

Written by hand and not as dataclasses: a frozen, slotted, generic dataclass cannot be called as
`Success[int](1)` on Python 3.11.
"""

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, NoReturn, TypeVar, cast, final, overload

from typing_extensions import TypeAliasType
from typing_extensions import TypeVar as DefaultedTypeVar

from twofold.errors import TwofoldError

T = TypeVar("T", covariant=True)
E = TypeVar("E", covariant=True)
U = TypeVar("U")
F = TypeVar("F")
_Value = TypeVar("_Value")
_Error = DefaultedTypeVar("_Error", default=TwofoldError)


@final
class Success(Generic[T]):
    """The answer of work that was done.

    Args:
        value: What it answers; None when there is nothing to say.

    Example:
        >>> Success(20).map(lambda n: n + 1).and_then(lambda n: Success(n * 2))
        Success(42)
    """

    __slots__ = ("_value",)
    __match_args__ = ("value",)

    is_success: ClassVar[Literal[True]] = True
    """Always True; type checkers narrow by it, pyright by `is True`."""

    is_failure: ClassVar[Literal[False]] = False
    """Always False; type checkers narrow by it, pyright by `is False`."""

    @overload
    def __init__(self: "Success[None]") -> None: ...
    @overload
    def __init__(self, value: T) -> None: ...
    def __init__(self, value: object = None) -> None:
        self._value: T = value  # type: ignore[assignment]  # the overloads say so

    @property
    def value(self) -> T:
        """What the work answers."""
        return self._value

    @property
    def error(self) -> None:
        """Always None."""
        return None

    def map(self, function: Callable[[T], U]) -> "Success[U]":
        """A Success of what `function` makes of the value."""
        return Success(function(self._value))

    def and_then(self, function: "Callable[[T], Result[U, F]]") -> "Result[U, F]":
        """What `function` answers for the value: the next step, which may fail."""
        return function(self._value)

    def map_error(self, function: Callable[[NoReturn], object]) -> "Success[T]":
        """Itself: there is no error to change."""
        return self

    def or_else(self, function: Callable[[NoReturn], object]) -> "Success[T]":
        """Itself: there is nothing to recover from."""
        return self

    def unwrap(self) -> T:
        """The value."""
        return self._value

    def unwrap_or(self, default: object) -> T:
        """The value; the default is not needed."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Success) and bool(self._value == cast("Success[object]", other).value)

    def __hash__(self) -> int:
        return hash((Success, self._value))

    def __repr__(self) -> str:
        return f"Success({self._value!r})"


@final
class Failure(Generic[E]):
    """The answer of work that was refused or could not be done.

    Args:
        error: Why; any value. A twofold error also knows its category and code.

    Example:
        >>> Failure("out of stock").unwrap_or(0)
        0
    """

    __slots__ = ("_error",)
    __match_args__ = ("error",)

    is_success: ClassVar[Literal[False]] = False
    """Always False; type checkers narrow by it, pyright by `is False`."""

    is_failure: ClassVar[Literal[True]] = True
    """Always True; type checkers narrow by it, pyright by `is True`."""

    def __init__(self, error: E) -> None:
        self._error = error

    @property
    def value(self) -> NoReturn:
        """There is none.

        Raises:
            Exception: The same as `unwrap`.
        """
        self.unwrap()

    @property
    def error(self) -> E:
        """Why the work failed."""
        return self._error

    def map(self, function: Callable[[NoReturn], object]) -> "Failure[E]":
        """Itself: there is no value to change."""
        return self

    def and_then(self, function: Callable[[NoReturn], object]) -> "Failure[E]":
        """Itself: the first failure stops."""
        return self

    def map_error(self, function: Callable[[E], F]) -> "Failure[F]":
        """A Failure of what `function` makes of the error."""
        return Failure(function(self._error))

    def or_else(self, function: "Callable[[E], Result[U, F]]") -> "Result[U, F]":
        """What `function` answers for the error: a way to recover."""
        return function(self._error)

    def unwrap(self) -> NoReturn:
        """Raise the error.

        Raises:
            Exception: The very error when it is an exception, else a `ValueError` that shows it.
        """
        if isinstance(self._error, BaseException):
            raise self._error
        raise ValueError(f"unwrapped a failure: {self._error!r}")

    def unwrap_or(self, default: U) -> U:
        """The default."""
        return default

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failure) and bool(self._error == cast("Failure[object]", other).error)

    def __hash__(self) -> int:
        return hash((Failure, self._error))

    def __repr__(self) -> str:
        return f"Failure({self._error!r})"


Result = TypeAliasType("Result", Success[_Value] | Failure[_Error], type_params=(_Value, _Error))
"""`Result[T, E]` is `Success[T] | Failure[E]`; `Result[T]` leaves the error to twofold's own family."""

Ok = Success
Err = Failure
