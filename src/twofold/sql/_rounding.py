"""Numbers as their columns hold them: rounded one by one, so that no sum tells which changes were put together.

Whatever puts changes of rows together asks it first: `fold` for the databases, `LiveTables` for rows in memory.
"""

from collections.abc import Callable, Mapping
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Any, Final, TypeAlias

from sqlalchemy import Column, Dialect, Numeric, Table
from sqlalchemy.types import TypeEngine

from twofold.sql._exact import ExactDecimal

Rounds: TypeAlias = Mapping[str, Callable[[Any], Any]]
"""What columns make of a value, by column; those that take it as it is are not among them."""


@lru_cache(maxsize=1024)
def rounds_of(table: Table[Any], dialect: Dialect) -> Rounds:
    """What columns of decimal numbers make of a value, in some database."""
    found: dict[str, Callable[[Any], Any]] = {}
    for column in table.columns:
        kind: TypeEngine[Any] = column.type.dialect_impl(dialect)
        if isinstance(kind, ExactDecimal):
            found[column.key] = partial(_exact, column, kind)
        elif issubclass(kind.__class__, Numeric):
            places = places_of(kind)
            found[column.key] = _decimal if places is None else partial(_rounded, Decimal(1).scaleb(-places))
    return found


def rounded(values: Mapping[str, Any], rounds: Rounds) -> Mapping[str, Any]:
    """Values as their columns hold them.

    Raises:
        ValueError: An `ExactDecimal` does not hold one.
        TypeError: It is a float, or no number.
    """
    held = values
    for name, hold in rounds.items():
        if name in values:
            held = dict(held)
            held[name] = hold(held[name])
    return held


def plus(before: Any, more: Any) -> Any:
    """A sum, of Decimals with all its digits."""
    if more.__class__ is Decimal and before.__class__ is Decimal:
        return _sum(before, more)
    return before + more


def places_of(kind: TypeEngine[Any]) -> int | None:
    """How many places a column keeps of a decimal number; None when it keeps all, or is of another type.

    `NUMERIC(12)` is one of whole numbers in SQL, and `NUMERIC` has no bounds.
    """
    numeric: Any = kind
    if not issubclass(kind.__class__, Numeric) or numeric.precision is None:
        return None
    return numeric.scale or 0


def _exact(column: Column[Any], kind: ExactDecimal, value: Any) -> Decimal | None:
    try:
        return kind.exact(value)
    except (TypeError, ValueError) as error:
        error.add_note(f"for the column {column}")
        raise


def _decimal(value: Any) -> Any:
    """A number, a float as it is written, which is how PostgreSQL is given it; what is none is left to the database."""
    if isinstance(value, float):
        return Decimal(float.__repr__(value))
    return Decimal(value) if isinstance(value, int) else value


def _rounded(unit: Decimal, value: Any) -> Any:
    """A number with so many places, a half away from zero, as PostgreSQL rounds."""
    number = _decimal(value)
    if not isinstance(number, Decimal):
        return value
    try:
        return _quantized(number, unit)
    except InvalidOperation:  # infinite, or larger than any column
        return value


_ALL_DIGITS: Final = Context(150_000, ROUND_HALF_UP, MIN_EMIN, MAX_EMAX, traps=[InvalidOperation])
"""The digits of the largest NUMERIC of PostgreSQL; Python keeps 28 of a sum."""
_sum = _ALL_DIGITS.add
_quantized = _ALL_DIGITS.quantize
