"""From a request to a message: path, query string, body and context come together as one JSON object, and pydantic
parses that.

What the path or the context fills is refused anywhere else, so that there is never a question whose word counts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import to_json

from twofold.errors import Finding, Invalid
from twofold.messages import MessageType, Origin, filled_by
from twofold.web._addresses import parameters_of
from twofold.web._body import read_object
from twofold.web._shape import Shape

_SPACE: Final = b" \t\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """How the message of one endpoint is put together.

    Args:
        message_type: The message's type.
        shape: Its fields.
        path: The fields that the path holds.
        has_body: Whether the rest comes in a body; in the query string otherwise.
    """

    message_type: MessageType[Any]
    shape: Shape
    path: frozenset[str]
    has_body: bool

    @property
    def sent(self) -> tuple[str, ...]:
        """The fields that a client sends beside the path: all but the context's."""
        filled = self.message_type.context_fields
        return tuple(name for name in self.shape.fields if name not in filled and name not in self.path)

    @property
    def needs_somebody(self) -> bool:
        """Whether nobody but a known caller can send the message."""
        facts = self.message_type.context_fields
        return any(name in self.shape.required and fact != "correlation_id" for name, fact in facts.items())

    def message(self, *, path: Mapping[str, Any], query: bytes, body: bytes, origin: Origin) -> Any:
        """The message of a request.

        Args:
            path: What the path holds, by name.
            query: The query string.
            body: The body.
            origin: Where the message comes from.

        Raises:
            Invalid: With every finding.
            Unauthenticated: Nobody is logged in, and it needs somebody.
            Forbidden: Whoever is logged in lacks a fact that it needs.
        """
        by_context = self.message_type.context_fields
        filled = {**path, **filled_by(origin, by_context, self.shape.required)} if by_context else path
        if not self.has_body:
            sent = self._parameters(query)
            self._refuse_filled(sent)
            return self.message_type.parse(to_json({**sent, **filled}))
        if query:
            raise Invalid("this takes no query parameters; its fields are in the body")
        sent = read_object(body)
        if not filled and not by_context:
            return self.message_type.parse(body or b"{}")
        self._refuse_filled(sent)
        return self.message_type.parse(_joined(to_json(filled), body, sent) if filled else body or b"{}")

    def _parameters(self, query: bytes) -> dict[str, Any]:
        if not query:
            return {}
        found: dict[str, Any] = {}
        for name, value in parameters_of(query):
            if self.shape.fields.get(name) == "many":
                found.setdefault(name, []).append(value)
            elif name in found:
                text = "this can be given once"
                raise Invalid(findings=[Finding(path=(name,), rule="duplicate_parameter", message=text)])
            else:
                found[name] = value
        return found

    def _refuse_filled(self, sent: Collection[str]) -> None:
        """Refuse what a client may not say, or says twice."""
        findings = [
            Finding(path=(name,), rule=rule, message=text)
            for names, rule, text in (
                (self.message_type.context_fields, "from_context", "this is filled by the server"),
                (self.path, "from_path", "this is in the path"),
            )
            for name in names
            if name in sent
        ]
        if findings:
            raise Invalid(findings=findings)


def _joined(filled: bytes, body: bytes, sent: Collection[str]) -> bytes:
    """Two JSON objects as one, with the very bytes of both."""
    if not sent:
        return filled
    return filled[:-1] + b"," + body.lstrip(_SPACE)[1:]
