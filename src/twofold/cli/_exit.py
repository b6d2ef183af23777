"""What a command line answers to its shell: an exit code for every category of error."""

from typing import Any, Final

from twofold.errors import Category, Classifier
from twofold.result import Result

BUG: Final = 70
_CODES: Final = {
    Category.WIRING: 2,
    Category.INVALID: 3,
    Category.REFUSED: 3,
    Category.TOO_LARGE: 3,
    Category.NOT_FOUND: 4,
    Category.GONE: 4,
    Category.EXISTS: 5,
    Category.CONFLICT: 5,
    Category.PRECONDITION: 5,
    Category.FORBIDDEN: 6,
    Category.UNAUTHENTICATED: 6,
    Category.CORRUPT: BUG,
    Category.RATE_LIMITED: 75,
    Category.UNAVAILABLE: 75,
}


def exit_of(result: Result[Any, Any], classifier: Classifier | None = None) -> int:
    """The exit code for the outcome of a message.

    Args:
        result: What a bus or an application answered.
        classifier: Knows what errors mean that know nothing of twofold; `app.router.settings.classifier`, say.

    Returns:
        0 for a Success; for a Failure 3 (invalid, or a rule says no), 4 (not found, or gone), 5 (exists, a conflict, or
        another version than expected), 6 (forbidden), 75 (unavailable: try again later), 70 (stored data cannot be
        understood), 2 (wiring).

    Example:
        >>> exit_of(Failure(NotFound("there is no order 7")))
        4
    """
    if result.is_success:
        return 0
    return _CODES[(classifier or Classifier()).of_value(result.error)]


def exit_code(error: BaseException, classifier: Classifier | None = None) -> int:
    """The exit code for an exception.

    Args:
        error: What was raised.
        classifier: Knows what exceptions mean that know nothing of twofold.

    Returns:
        As `exit_of`; 70 for an exception that nothing classifies: it is a bug.
    """
    category = (classifier or Classifier()).of_exception(error)
    return BUG if category is None else _CODES[category]
