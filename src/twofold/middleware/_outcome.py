"""One word for how a message ended, for log lines and spans; metrics have the same words."""

from typing import Any, Final

from twofold.errors import Classifier
from twofold.result import Result, Success

_SUCCESS: Final[type[Any]] = Success


def outcome_of(result: Result[Any, Any], classifier: Classifier) -> str:
    """`success`, or the category of the error."""
    return "success" if isinstance(result, _SUCCESS) else classifier.of_value(result.error).value
