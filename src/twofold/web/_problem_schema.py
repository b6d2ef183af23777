"""Problem details, as the API document describes them."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI

from twofold.errors import (
    Classifier,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    RateLimited,
    StreamClosed,
    TooLarge,
    TwofoldError,
    Unauthenticated,
    Unavailable,
    VersionConflict,
)
from twofold.web._examples import problem_example
from twofold.web._problem import CRASHED, PROBLEM_JSON, Problem, problem_of, problem_of_status

_TEXT: Final = {"type": "string"}

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": {"type": "string", "description": "A stable name for it, to switch on."},
        "correlation_id": {"type": "string", "description": "What to quote when asking about it."},
        "hint": {"type": "string", "description": "How to mend it."},
        "errors": {
            "type": "array",
            "description": "What is wrong with the input, field by field.",
            "items": {
                "type": "object",
                "properties": {"field": _TEXT, "rule": _TEXT, "message": _TEXT},
                "required": ["field", "rule", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code", "correlation_id"],
}


_SAMPLES: Final[dict[int, TwofoldError]] = {
    400: Invalid("Input should be greater than 0", field="amount"),
    401: Unauthenticated("nobody is logged in, and this needs somebody"),
    403: Forbidden("this is not allowed"),
    404: NotFound("nothing was found"),
    409: VersionConflict(stream="order-7", expected=7, actual=8),
    410: StreamClosed(stream="order-7"),
    412: PreconditionFailed(stream="order-7", actual=8),
    413: TooLarge(limit=1_048_576),
    429: RateLimited(name="place_order", rate="100/minute", retry_after=2),
    503: Unavailable("temporarily unavailable"),
}


def problem_response_schema(
    description: str, status: int | None = None, examples: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A response that is a problem.

    Args:
        description: What it is.
        status: Its status, when it has one.
        examples: More examples than the usual one of its status, by code.
    """
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if status is not None:
        usual = _usual(status)
        content["examples"] = {usual.code: {"value": problem_example(usual)}, **(examples or {})}
    return {"description": description, "content": {PROBLEM_JSON: content}}


def _usual(status: int) -> Problem:
    if status == CRASHED.status:
        return CRASHED
    return problem_of(_SAMPLES[status], Classifier()) if status in _SAMPLES else problem_of_status(status)


def problem_reference(status: int | None = None) -> dict[str, Any]:
    """Where the response of a status is described; of any status unless given."""
    return {"$ref": f"#/components/responses/Problem{status or ''}"}


def describe_problems(web: FastAPI) -> None:
    """Have a FastAPI application describe what an invalid request really gets: a problem, and not FastAPI's own 422."""
    plain = web.openapi
    web.openapi = lambda: _told(plain())  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _told(document: dict[str, Any]) -> dict[str, Any]:
    told = False
    paths: dict[str, dict[str, Any]] = document.get("paths", {})
    for methods in paths.values():
        for operation in methods.values():
            responses: dict[str, Any] = operation.get("responses", {})
            if "HTTPValidationError" in str(responses.get("422")):
                del responses["422"]
                responses["400"] = problem_response_schema(HTTPStatus.BAD_REQUEST.phrase, HTTPStatus.BAD_REQUEST)
                told = True
    if told:
        schemas = document["components"]["schemas"]
        schemas["Problem"] = PROBLEM_SCHEMA
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
    return document
