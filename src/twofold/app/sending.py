"""A message from whoever may run the application's code: made of what was typed, and sent through the whole pipeline.

The command line is a door like HTTP. Who stands in it is trusted to say who they are, and no fact of the context is
said twice: what the context fills cannot be typed.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import NoneType
from typing import Any, cast, final, get_args

from twofold.app._app import App
from twofold.app._called import message_called
from twofold.app._form import Field as Field
from twofold.app._form import docstring_of, fields_of
from twofold.app._role import Role
from twofold.dispatch import AnswerCodec, answered_type
from twofold.errors import Finding, Forbidden, Invalid, NotFound, Unauthenticated
from twofold.messages import Kind, MessageType, Origin, Principal, filled_by
from twofold.result import Failure, Result


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sendable:
    """A command or query that can be typed.

    Args:
        kind: What it is.
        text: What its docstring says; empty without one.
        fields: Its fields.
        codec: Writes what its handler answers.
        silent: Whether None is an answer, and not nothing found.
    """

    kind: MessageType[Any]
    text: str
    fields: tuple[Field, ...]
    codec: AnswerCodec
    silent: bool

    def message(self, data: str | None, typed: Mapping[str, str], origin: Origin) -> Any:
        """The message.

        Args:
            data: A JSON object with fields of it.
            typed: Other fields as texts, by name.
            origin: Where it comes from; it fills what is the context's.

        Raises:
            Invalid: With every finding.
            Unauthenticated: Nobody is named, and it needs somebody.
            Forbidden: Who is named lacks a fact that it needs.
        """
        sent = {} if data is None else _members(data)
        self._refuse(sent, typed)
        known = {one.name: one for one in self.fields}
        read = {name: known[name].read(text) for name, text in typed.items()}
        required = [one.name for one in self.fields if one.required]
        filled = filled_by(origin, self.kind.context_fields, required)
        return self.kind.parse(json.dumps({**sent, **read, **filled}))

    def _refuse(self, sent: Mapping[str, Any], typed: Mapping[str, str]) -> None:
        filled = [one.name for one in self.fields if one.filled_by]
        findings = [
            Finding(path=(name,), rule="from_context", message="this is filled by who sends the message")
            for name in filled
            if name in sent or name in typed
        ]
        findings += [
            Finding(path=(name,), rule="duplicate", message="this is said twice") for name in typed if name in sent
        ]
        if findings:
            raise Invalid(findings=findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of a message.

    Args:
        result: What the application answered.
        answer: That as JSON; None for a Failure.
    """

    result: Result[Any, Any]
    answer: bytes | None


def sendable(app: App, name: str, kind: Kind) -> Sendable:
    """Find what can be sent.

    Args:
        app: The application; it need not be running.
        name: A wire name, or the name of a class.
        kind: Whether a command or a query is meant.

    Raises:
        StartError: The application is not sound.
        NoSuchMessage: It knows no such command or query.
        WiringError: There is no way to write as JSON what its handler answers.
    """
    _ = app.assembly
    found = message_called(app.name, app.router.catalogue, name, kind)
    promised = answered_type(app.router.handlers(found.cls)[0])
    silent = kind is Kind.COMMAND or NoneType not in get_args(promised)
    return Sendable(
        kind=found,
        text=docstring_of(found.cls),
        fields=fields_of(found),
        codec=AnswerCodec(promised),
        silent=silent,
    )


@asynccontextmanager
async def client(app: App, kind: Kind, *, settle: bool = False) -> AsyncGenerator[App]:
    """An application that runs for a message or two, beside those that serve it or alone.

    It takes one kind of message, and follows nothing; with `settle` it is a whole application, which prepares its
    database first, and has dealt with all that is in the log when the block ends well.

    Args:
        app: The application; not running.
        kind: The kind of the messages.
        settle: Whether it is a worker too.

    Raises:
        StartError: It is not sound.
        StoreUnavailable: Its store cannot be opened.
        NotPrepared: No worker has prepared its database, and this is none.
        TimedOut: It is a worker, and projections or reactions have not come to the end of the log.
    """
    app.use_role(Role.ALL if settle else Role.serving(kind))
    async with app:
        yield app
        if settle:
            await app.settle()


async def send(
    app: App,
    wanted: Sendable,
    *,
    data: str | None = None,
    typed: Mapping[str, str] | None = None,
    principal: Principal | None = None,
    tenant: str | None = None,
    key: str | None = None,
) -> Sent:
    """Send a message through its whole pipeline.

    Args:
        app: The application; running.
        wanted: What is sent.
        data: A JSON object with fields of it.
        typed: Other fields as texts, by name.
        principal: Who sends it.
        tenant: For which tenant, where nobody is named.
        key: What its sender calls a command, so that it is handled once.

    Returns:
        What became of it; a message that is not as its type says is a Failure too.
    """
    correlation_id = str(app.router.ids())
    named = app.caller(correlation_id=correlation_id, principal=principal, tenant=tenant, idempotency_key=key)
    caller = named.at("shell")
    try:
        message = wanted.message(data, typed or {}, caller.origin)
    except (Invalid, Unauthenticated, Forbidden) as error:
        (handler,) = app.router.handlers(wanted.kind.cls)
        result = await app.router.refuse(handler, error, caller.origin)
    else:
        result = await caller.execute(message)
    if result.is_failure:
        return Sent(result=result, answer=None)
    if result.value is None and not wanted.silent:
        return Sent(result=Failure(NotFound("nothing was found")), answer=None)
    return Sent(result=result, answer=wanted.codec.dump(result.value))


def _members(data: str) -> dict[str, Any]:
    """What a JSON object has.

    Raises:
        Invalid: It is no JSON, or no object, or says something twice.
    """
    try:
        found: object = json.loads(data, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise _refusal("json_invalid", f"no valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise _refusal("json_type", 'a JSON object is expected: {"field": value}')
    return cast("dict[str, Any]", found)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _refusal("json_duplicate", "an object has a key twice")
    return found


def _refusal(rule: str, text: str) -> Invalid:
    return Invalid(findings=[Finding(rule=rule, message=text)])
