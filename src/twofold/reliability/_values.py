"""Reading what settings are given: numbers as numbers or as texts, with a mistake that names what is expected."""

import math
from typing import Any

from twofold.errors import WiringError


def whole(field: str, value: Any, *, least: int = 1) -> int:
    """A whole number.

    Args:
        field: Where it is set, as `Retry(attempts=)`.
        value: A number, or a text of one.
        least: The smallest that makes sense.

    Raises:
        WiringError: It is none, or too small.
    """
    try:
        number = int(value) if isinstance(value, str) else value
    except ValueError:
        number = None
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        raise wrong(field, value, f"a whole number of at least {least}")
    return number


def real(field: str, value: Any, *, least: float = 0.0, most: float = math.inf, unit: str = "") -> float:
    """A finite number, greater than 0 unless `least` is greater.

    Args:
        field: Where it is set.
        value: A number, or a text of one.
        least: The smallest that makes sense; 0 itself does not.
        most: The greatest.
        unit: What it counts, for the mistake.

    Raises:
        WiringError: It is none, or out of bounds.
    """
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        number = math.nan
    if not (0 < number < math.inf and least <= number <= most):
        bounds = f"between {least:g} and {most:g}" if most < math.inf else f"of at least {least:g}"
        raise wrong(field, value, f"a number {bounds if least or most < math.inf else 'greater than 0'}{unit}")
    return number


def seconds(field: str, value: Any) -> float:
    """A span of time in seconds, greater than 0.

    Raises:
        WiringError: It is none.
    """
    return real(field, value, unit=", in seconds")


def is_none(value: object) -> bool:
    """Whether a setting is left out: None, or the text `none`."""
    return value is None or (isinstance(value, str) and value.strip().lower() == "none")


def wrong(field: str, value: object, expected: str) -> WiringError:
    """The mistake that a value is."""
    return WiringError(f"{field} is {value!r:.80}: expected {expected}")
