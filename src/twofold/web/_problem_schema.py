"""Problem details, as the API document describes them."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI

from twofold.web._problem import PROBLEM_JSON

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


def problem_response_schema(description: str) -> dict[str, Any]:
    """A response that is a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {PROBLEM_JSON: {"schema": schema}}}


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
                responses["400"] = problem_response_schema(HTTPStatus.BAD_REQUEST.phrase)
                told = True
    if told:
        schemas = document["components"]["schemas"]
        schemas["Problem"] = PROBLEM_SCHEMA
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
    return document
