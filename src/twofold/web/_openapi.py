"""The API document: what FastAPI knows of routes of yours, completed by every message that is offered.

Made when it is first asked for. It is read off the very endpoints that serve, so that it cannot drift from them.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias, cast

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.security.base import SecurityBase
from pydantic import TypeAdapter

from twofold.web._doors import Doors
from twofold.web._endpoint import Endpoint
from twofold.web._examples import without_secrets_shown
from twofold.web._health import HEALTH_OPERATIONS
from twofold.web._operation import operation_of
from twofold.web._problem_schema import PROBLEM_SCHEMA, problem_response_schema

Document: TypeAlias = dict[str, Any]

_SCHEMAS: Final = "#/components/schemas/"
_DRAFTS: Final = ("", "Message.")
"""Prefixes of our names among the schemas: the second one when a route of yours has another schema of a name."""


def describe_api(web: FastAPI, doors: Doors, *, security: SecurityBase | None, max_wait: float) -> None:
    """Have a FastAPI application describe the messages that it offers.

    Args:
        web: The FastAPI application.
        doors: Its endpoints.
        security: How callers say who they are; None when they are not asked.
        max_wait: The longest that a query may wait for what it has to see, in seconds.
    """
    plain = web.openapi
    made: list[tuple[object, object, Document]] = []

    def openapi() -> Document:
        routes, endpoints = plain(), doors.endpoints
        if not made or made[-1][0] is not routes or made[-1][1] is not endpoints:
            made[:] = [(routes, endpoints, _completed(routes, endpoints, security, max_wait))]
        return made[-1][2]

    web.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend its document


def _completed(routes: Document, endpoints: list[Endpoint], security: SecurityBase | None, max_wait: float) -> Document:
    components: Mapping[str, Any] = routes.get("components", {})
    known: Mapping[str, Any] = components.get("schemas", {})
    schemas, definitions = _schemas(endpoints, known)
    paths: dict[str, dict[str, Any]] = {
        path: dict(methods) for path, methods in {**HEALTH_OPERATIONS, **routes.get("paths", {})}.items()
    }
    schemes = {} if security is None else {security.scheme_name: security.model}
    scheme = next(iter(schemes), None)
    for endpoint in endpoints:
        sent, answered = schemas[endpoint.handler.message_type, "validation"], schemas[endpoint, "serialization"]
        message = _resolved(sent, definitions)
        operation = operation_of(endpoint, message, sent, answered, definitions, scheme=scheme, max_wait=max_wait)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    statuses = sorted({status for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST})
    document = {
        **routes,
        "paths": paths,
        "components": {
            **components,
            "schemas": {**known, **definitions, "Problem": PROBLEM_SCHEMA},
            "responses": {
                **components.get("responses", {}),
                **{f"Problem{status.value}": problem_response_schema(status.phrase, status) for status in statuses},
                "Problem": problem_response_schema("Anything else that went wrong"),
            },
        },
    }
    if schemes:
        told: Document = jsonable_encoder(schemes, by_alias=True, exclude_none=True)
        document["components"]["securitySchemes"] = {**components.get("securitySchemes", {}), **told}
    return _pruned(document, definitions)


def _schemas(endpoints: list[Endpoint], known: Mapping[str, Any]) -> tuple[Mapping[Any, Any], Document]:
    """The schemas of all messages and answers, and what they refer to, under names that are free."""
    wanted: list[tuple[Any, Any, TypeAdapter[Any]]] = []
    for endpoint in endpoints:
        message_type = endpoint.intake.message_type
        wanted.append((message_type.cls, "validation", message_type.adapter))
        wanted.append((endpoint, "serialization", endpoint.answer.adapter))
    schemas: Mapping[Any, Any] = {}
    definitions: Document = {}
    for prefix in _DRAFTS:
        schemas, found = TypeAdapter.json_schemas(wanted, ref_template=f"{_SCHEMAS}{prefix}{{model}}")
        definitions = {prefix + name: schema for name, schema in found.get("$defs", {}).items()}
        if all(known.get(name, schema) == schema for name, schema in definitions.items()):
            break
    shown = {key: without_secrets_shown(schema) for key, schema in schemas.items()}
    return shown, {name: without_secrets_shown(schema) for name, schema in definitions.items()}


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    return definitions[schema["$ref"].removeprefix(_SCHEMAS)] if "$ref" in schema else schema


def _pruned(document: Document, definitions: Mapping[str, Any]) -> Document:
    """The document without schemas of ours that nothing refers to: they would show what clients cannot send."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    responses: dict[str, Any] = document["components"]["responses"]
    used = _references([document["paths"], *(schema for name, schema in schemas.items() if name not in definitions)])
    reached: set[str] = set()
    while used - reached:
        reached |= used
        used = _references([schemas[name] for name in reached if name in schemas])
    for name in definitions.keys() - reached:
        del schemas[name]
    for name in [name for name in responses if name.startswith("Problem") and name not in reached]:
        del responses[name]
    return document


def _references(node: object) -> set[str]:
    """The names of all components that something refers to."""
    found: set[str] = set()
    inner: list[object] = []
    if isinstance(node, dict):
        inner = [*cast("dict[str, object]", node).values()]
        reference: object = cast("dict[str, object]", node).get("$ref")
        found = {reference.rpartition("/")[2]} if isinstance(reference, str) else found
    elif isinstance(node, list):
        inner = cast("list[object]", node)
    return found.union(*map(_references, inner))
