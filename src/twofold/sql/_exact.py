"""Decimal numbers that stay exact in every database, sums made in SQL included."""

from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Numeric
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator, TypeEngine


class ExactDecimal(TypeDecorator[Decimal]):
    """A Decimal with a fixed number of places, for money above all.

    SQLite has no decimal numbers, and SQLAlchemy's `Numeric` passes through floating point there. This column keeps
    scaled whole numbers in SQLite and NUMERIC elsewhere, of 18 digits in all. Adding, comparing, `sum`, `min` and
    `max` are exact in SQL; for an average, divide a sum by a count in Python (`avg` gives a scaled number).

    Args:
        scale: How many places follow the decimal point.

    Raises:
        ValueError: A value has more digits or places than the column, or is not finite.
        TypeError: A value is a float, or no number.

    Example:
        >>> from sqlalchemy import Column
        >>> Column("total", ExactDecimal(scale=2)).type
        ExactDecimal(scale=2)
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, scale: int = 2) -> None:
        super().__init__(_DIGITS, scale)
        self.scale = scale
        self._unit = Decimal(1).scaleb(-scale)
        self._bound = Decimal(10) ** (_DIGITS - scale)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Whole numbers on SQLite, NUMERIC elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(Numeric(_DIGITS, self.scale))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """What the database keeps for a value."""
        exact = self.exact(value)
        return exact if exact is None or dialect.name != "sqlite" else int(exact.scaleb(self.scale))

    def exact(self, value: Any) -> Decimal | None:
        """A value with all places of the column.

        Raises:
            ValueError: It has more digits or places, or is not finite.
            TypeError: It is a float, or no number.
        """
        if value is None:
            return None
        if not isinstance(value, (Decimal, int)):
            raise TypeError(f"an exact decimal is made of a Decimal or an int, not of {value!r}")
        number = Decimal(value)
        if not number.is_finite() or abs(number) >= self._bound:
            raise ValueError(f"{value} does not fit into {_DIGITS} digits, {self.scale} of them decimal places")
        exact = number.quantize(self._unit)
        if exact != number:
            raise ValueError(f"{value} has more than {self.scale} decimal places")
        return exact

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """The value, from what the database keeps."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return Decimal(value).scaleb(-self.scale)
        return Decimal(value).quantize(self._unit)

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """A price times three is a price; every other number beside a price is a price."""
        if op is operators.mul and isinstance(value, int):
            return Integer()
        return self

    def __repr__(self) -> str:
        return f"ExactDecimal(scale={self.scale})"


_DIGITS = 18
