"""The families of errors, and the finer categories inside them."""

from enum import StrEnum


class Family(StrEnum):
    """What the caller should do about an error."""

    WIRING = "wiring"
    """Fix the code."""
    REFUSED = "refused"
    """Do not retry: the answer stays no."""
    CONFLICT = "conflict"
    """Reload and decide again."""
    UNAVAILABLE = "unavailable"
    """Retry later."""
    CORRUPT = "corrupt"
    """Park it: stored data cannot be understood."""


class Category(StrEnum):
    """The kind of an error: the key of HTTP statuses, exit codes and refusal counters."""

    WIRING = "wiring"
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    GONE = "gone"
    EXISTS = "exists"
    REFUSED = "refused"
    PRECONDITION = "precondition"
    TOO_LARGE = "too_large"
    CONFLICT = "conflict"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    CORRUPT = "corrupt"

    @property
    def family(self) -> Family:
        """The family this category belongs to."""
        return _FAMILIES.get(self, Family.REFUSED)


_FAMILIES = {
    Category.WIRING: Family.WIRING,
    Category.CONFLICT: Family.CONFLICT,
    Category.RATE_LIMITED: Family.UNAVAILABLE,
    Category.UNAVAILABLE: Family.UNAVAILABLE,
    Category.CORRUPT: Family.CORRUPT,
}

invalid = Category.INVALID
unauthenticated = Category.UNAUTHENTICATED
forbidden = Category.FORBIDDEN
not_found = Category.NOT_FOUND
gone = Category.GONE
exists = Category.EXISTS
precondition = Category.PRECONDITION
refused = Category.REFUSED
too_large = Category.TOO_LARGE
conflict = Category.CONFLICT
rate_limited = Category.RATE_LIMITED
unavailable = Category.UNAVAILABLE
