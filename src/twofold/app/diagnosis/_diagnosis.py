"""One thing that a doctor has found."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from twofold.errors import Fault, TwofoldError

Severity: TypeAlias = Literal["fault", "warning"]
"""Whether it keeps an application from starting, or will hurt later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was found.

    Args:
        severity: How bad it is.
        where: The message, handler, projection or database.
        code: A stable name for it.
        text: What is wrong, as a predicate of `where`.
        hint: How to mend it.
    """

    severity: Severity
    where: str
    code: str
    text: str
    hint: str = ""

    @classmethod
    def of(cls, fault: Fault) -> "Diagnosis":
        """A fault as one."""
        return cls(severity="fault", where=fault.where, code=fault.code, text=fault.text, hint=fault.hint)

    @classmethod
    def of_error(cls, where: str, error: TwofoldError) -> "Diagnosis":
        """An error that something ended with as one."""
        return cls(severity="fault", where=where, code=error.code, text=error.detail, hint=error.hint)

    def as_dict(self) -> dict[str, Any]:
        """The same as a dictionary, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" + (f" ({self.hint})" if self.hint else "")


def warning(where: str, code: str, text: str, hint: str = "") -> Diagnosis:
    """Something that will hurt later."""
    return Diagnosis(severity="warning", where=where, code=code, text=text, hint=hint)
