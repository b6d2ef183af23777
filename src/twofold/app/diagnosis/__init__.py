"""What a doctor says of an application: what keeps it from starting, and what will hurt later."""

from twofold.app.diagnosis._code import look_at
from twofold.app.diagnosis._diagnosis import Diagnosis, Severity
from twofold.app.diagnosis._store import examine

__all__ = ["Diagnosis", "Severity", "examine", "look_at"]
