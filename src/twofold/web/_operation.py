"""One endpoint as an operation of the API document."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, get_origin

from twofold.aggregates import Repository
from twofold.dispatch import declared_errors
from twofold.messages import Kind
from twofold.store import UnitOfWork
from twofold.web._endpoint import Endpoint
from twofold.web._examples import example_of, problem_examples
from twofold.web._keys import key_parameters
from twofold.web._paging import LINK_GIVEN
from twofold.web._positions import POSITION_GIVEN, PREFERENCE_GIVEN, position_parameters
from twofold.web._problem_schema import problem_reference, problem_response_schema
from twofold.web._stream import LAST_SEEN
from twofold.web._tags import EXPECTED_PARAMETERS, KNOWN_PARAMETERS, TAG_GIVEN

_ALWAYS: Final = (400, 429, 500, 503)


def operation_of(
    endpoint: Endpoint,
    message: Mapping[str, Any],
    reference: Mapping[str, Any],
    answered: Mapping[str, Any],
    definitions: Mapping[str, Any],
    *,
    scheme: str | None,
    max_wait: float,
) -> dict[str, Any]:
    """An endpoint as an operation.

    Args:
        endpoint: The endpoint.
        message: The schema of its message.
        reference: Where that schema stands.
        answered: The schema of its answer.
        definitions: What schemas refer to.
        scheme: What the way is called in which callers say who they are; None when they are not asked.
        max_wait: The longest that a query may wait for what it has to see, in seconds.
    """
    operation: dict[str, Any] = {
        "operationId": endpoint.intake.message_type.name,
        "tags": [endpoint.handler.module],
        **_texts(endpoint.handler.message_type),
        **({"deprecated": True} if endpoint.handler.options.get("deprecated") else {}),
    }
    properties: Mapping[str, Any] = message.get("properties", {})
    intake = endpoint.intake
    parameters: list[Mapping[str, Any]] = [
        _parameter(name, "path", properties[name], required=True) for name in sorted(intake.path)
    ]
    if not intake.has_body:
        parameters += [
            _parameter(name, "query", properties[name], required=name in intake.shape.required) for name in intake.sent
        ]
    if endpoint.handler.kind is Kind.QUERY:
        parameters += [*position_parameters(max_wait), *(KNOWN_PARAMETERS if _may_be_known(endpoint) else ())]
        parameters += [LAST_SEEN] if endpoint.followed else []
    else:
        parameters += key_parameters(endpoint.app.assembly.idempotency.get(endpoint.handler))
        parameters += EXPECTED_PARAMETERS if _has_version(endpoint) else ()
    if parameters:
        operation["parameters"] = parameters
    if intake.has_body and intake.sent:
        operation["requestBody"] = _body(endpoint, message, reference, definitions)
    operation["responses"] = {**_successes(endpoint, answered), **_problems(endpoint, asked=scheme is not None)}
    if scheme is not None:
        operation["security"] = [{scheme: []}] if _needs_somebody(endpoint) else [{}, {scheme: []}]
    return operation


def _texts(message_type: type) -> dict[str, str]:
    """Summary and description from the docstring, if somebody wrote one: a dataclass makes up its own."""
    text = message_type.__dict__.get("__doc__")
    if not text or text.startswith(f"{message_type.__name__}("):
        return {"summary": message_type.__name__}
    summary, _, rest = text.strip().partition("\n")
    lines = (line.strip() for line in rest.strip().splitlines())
    return {"summary": summary, **({"description": "\n".join(lines)} if rest.strip() else {})}


def _parameter(name: str, place: str, schema: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    described = {"description": schema["description"]} if "description" in schema else {}
    return {"name": name, "in": place, "required": required, "schema": dict(schema), **described}


def _body(
    endpoint: Endpoint, message: Mapping[str, Any], reference: Mapping[str, Any], definitions: Mapping[str, Any]
) -> dict[str, Any]:
    intake = endpoint.intake
    required = [name for name in intake.sent if name in intake.shape.required]
    schema = dict(reference)
    if len(intake.sent) < len(intake.shape.fields):
        kept = {name: message["properties"][name] for name in intake.sent}
        schema = {**message, "properties": kept, "required": required}
        if not required:
            del schema["required"]
    example = example_of(message, intake.sent, definitions)
    shown = {} if example is None else {"example": example}
    return {"required": bool(required), "content": {"application/json": {"schema": schema, **shown}}}


def _successes(endpoint: Endpoint, answered: Mapping[str, Any]) -> dict[str, Any]:
    is_command = endpoint.handler.kind is Kind.COMMAND
    given = _headers(endpoint)
    headers = {"headers": dict(given)} if given else {}
    silent = {str(endpoint.status or 204): {"description": "Done, and there is nothing to say", **headers}}
    if endpoint.answer.nothing and is_command:
        return silent
    if endpoint.answer.optional:
        answered = _without_null(answered)
    status = endpoint.status or 200
    content = {} if endpoint.answer.followed else {"application/json": {"schema": dict(answered)}}
    if endpoint.followed:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    told = {"description": HTTPStatus(status).phrase, "content": content, **headers}
    known = {"304": {"description": "The client has this answer"}} if _may_be_known(endpoint) else {}
    return {**(silent if is_command and endpoint.answer.may_be_silent else {}), str(status): told, **known}


def _headers(endpoint: Endpoint) -> Mapping[str, Any]:
    """The headers of its successes."""
    if endpoint.handler.kind is Kind.COMMAND:
        return {**POSITION_GIVEN, **TAG_GIVEN} if _has_version(endpoint) else POSITION_GIVEN
    if endpoint.answer.followed:
        return {}
    linked = LINK_GIVEN if endpoint.answer.paged and endpoint.method == "GET" else {}
    return {**TAG_GIVEN, **PREFERENCE_GIVEN, **linked}


def _may_be_known(endpoint: Endpoint) -> bool:
    """Whether a client may have its answer already: a stream of events is no answer that could be kept."""
    return endpoint.method == "GET" and not endpoint.answer.followed


def _has_version(endpoint: Endpoint) -> bool:
    """Whether a command may be about something with a version: it asks for a repository or the unit, as deciders do."""
    needs = endpoint.handler.needs.values()
    return any(need is UnitOfWork or get_origin(need) is Repository for need in needs)


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    return kept[0] if len(kept) == 1 else {**schema, "anyOf": kept}


def _needs_somebody(endpoint: Endpoint) -> bool:
    """Whether nobody but a known caller is let in."""
    guards = endpoint.app.assembly.authorization.guards(endpoint.handler)
    return endpoint.intake.needs_somebody or any(guard.needs_principal for guard in guards)


def _problems(endpoint: Endpoint, *, asked: bool) -> dict[str, Any]:
    statuses = {*_ALWAYS, 403, 404}
    if endpoint.handler.kind is Kind.COMMAND:
        statuses |= {409, 410}
        statuses |= {412} if _has_version(endpoint) else set()
    if endpoint.intake.has_body:
        statuses |= {408, 413, 415}
    if endpoint.answer.followed:
        statuses.add(406)
    guarded = endpoint.app.assembly.authorization.guards(endpoint.handler)
    if asked or endpoint.intake.needs_somebody or guarded:
        statuses.add(401)
    declared = problem_examples(declared_errors(endpoint.handler))
    answers = {
        str(status): problem_response_schema(HTTPStatus(status).phrase, status, declared[status])
        if status in declared
        else problem_reference(status)
        for status in sorted(statuses | declared.keys())
    }
    return {**answers, "default": problem_reference()}
