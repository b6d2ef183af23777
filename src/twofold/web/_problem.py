"""What went wrong, as RFC 9457 problem details: one shape for every refusal, whoever refused.

Everything in the room that answers with an error comes through here. A problem never carries a stack, SQL, a path of
the server, or a value that somebody sent.
"""

import json
import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from twofold.errors import (
    Category,
    Classifier,
    Finding,
    Invalid,
    KeyInFlight,
    NotFound,
    TwofoldError,
    as_code,
    code_of,
    detail_of,
)

PROBLEM_JSON: Final = "application/problem+json"
PROBLEMS: Final = "/problems/"
"""What the type of a problem begins with, before its code, unless an application says where its pages are."""

_STATUS: Final = {
    Category.WIRING: 500,
    Category.CORRUPT: 500,
    Category.INVALID: 400,
    Category.REFUSED: 400,
    Category.UNAUTHENTICATED: 401,
    Category.FORBIDDEN: 403,
    Category.NOT_FOUND: 404,
    Category.GONE: 410,
    Category.EXISTS: 409,
    Category.CONFLICT: 409,
    Category.PRECONDITION: 412,
    Category.TOO_LARGE: 413,
    Category.RATE_LIMITED: 429,
    Category.UNAVAILABLE: 503,
}
_CODES: Final = {
    401: "unauthenticated",
    413: "too_large",
    422: "unprocessable",
    429: "rate_limited",
    503: "unavailable",
}
_PASSING: Final = (Category.RATE_LIMITED, Category.UNAVAILABLE)
_SHOWN_FINDINGS: Final = 50
_TOLD_FINDINGS: Final = 3
_LONGEST_FIELD: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One refusal as HTTP tells it.

    Args:
        status: The HTTP status.
        code: A stable name for it, for clients to switch on.
        detail: What happened, in one sentence; empty when there is nothing that may be told.
        hint: How to mend it, when that is known.
        findings: What is wrong with the input, field by field.
        retry_after: When to try again, in seconds.
    """

    status: int
    code: str
    detail: str = ""
    hint: str = ""
    findings: tuple[Finding, ...] = ()
    retry_after: float | None = None

    def document(self, correlation_id: str, problems: str = PROBLEMS) -> bytes:
        """The problem as JSON, in ASCII, so that no sink can be confused by what is in it.

        Args:
            correlation_id: What to quote when asking about it.
            problems: What its type begins with.
        """
        title = title_of(self.code)
        members: dict[str, Any] = {
            "type": f"{problems}{self.code}",
            "title": title,
            "status": self.status,
            "detail": self.detail or title,
            "code": self.code,
            "correlation_id": correlation_id,
        }
        if self.hint:
            members["hint"] = self.hint
        if self.findings:
            members["errors"] = [_shown(finding) for finding in self.findings[:_SHOWN_FINDINGS]]
        return json.dumps(members).encode()

    def headers(self) -> dict[str, str]:
        """What belongs in the response's header, beside the content type."""
        headers = {"cache-control": "no-store"}
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["www-authenticate"] = "Bearer"
        if self.retry_after is not None:
            headers["retry-after"] = str(max(1, math.ceil(self.retry_after)))
        return headers


def title_of(code: str) -> str:
    """A code in words."""
    return code.replace("_", " ").capitalize()


def status_of(category: Category) -> int:
    """The HTTP status of a category of errors."""
    return _STATUS[category]


CRASHED: Final = Problem(status=500, code="internal_error", detail="something went wrong on this side")
"""All that anybody is told of a bug."""


def problem_of(error: object, classifier: Classifier) -> Problem:
    """The problem that an error value or exception is.

    Args:
        error: What a Failure holds, or what was raised; not a bug.
        classifier: Tells what it means.
    """
    category = classifier.of_value(error)
    status = status_of(category)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return CRASHED
    findings = tuple(map(_plain, error.findings)) if isinstance(error, Invalid) else ()
    return Problem(
        status=status,
        code=code_of(error, category),
        detail=_told(findings) if findings else detail_of(error, category),
        hint=error.hint if isinstance(error, TwofoldError) else "",
        findings=findings,
        retry_after=_retry_after(error) if category in _PASSING or isinstance(error, KeyInFlight) else None,
    )


def nothing_found() -> NotFound:
    """What a query is answered with that may find nothing, and does."""
    return NotFound("nothing was found")


def problem_of_status(status: int, detail: str = "", *, hint: str = "") -> Problem:
    """The problem that HTTP has a status for and twofold has no error for."""
    phrase = HTTPStatus(status).phrase
    code = _CODES.get(status) or as_code(phrase)
    return Problem(status=status, code=code, detail=detail or phrase, hint=hint)


def _retry_after(error: object) -> float:
    """In how many seconds it is worth another try; a second, unless the error knows."""
    known: object = getattr(error, "retry_after", None)
    return float(known) if isinstance(known, int | float) else 1.0


def _plain(finding: Finding) -> Finding:
    """The same by one name: pydantic words a field that there is not for a dataclass as Python's arguments."""
    if finding.rule == "unexpected_keyword_argument":
        return Finding(path=finding.path, rule="extra_forbidden", message="Extra inputs are not permitted")
    return finding


def _told(findings: tuple[Finding, ...]) -> str:
    told = "; ".join(str(finding) for finding in findings[:_TOLD_FINDINGS])
    more = len(findings) - _TOLD_FINDINGS
    return f"{told}; and {more} more" if more > 0 else told


def _shown(finding: Finding) -> dict[str, str]:
    return {"field": finding.field[:_LONGEST_FIELD], "rule": finding.rule, "message": finding.message}
