"""One word for how a message ended, for log lines and metrics alike."""

from typing import Any

from twofold.errors import Classifier
from twofold.result import Result


def outcome_of(result: Result[Any, Any], classifier: Classifier) -> str:
    """`success`, or the category of the error."""
    return "success" if result.is_success else classifier.of_value(result.error).value
