"""A message as a broker gives it: a CloudEvent, whatever carries it, and nothing of it is trusted yet.

A message that is put aside is kept as one text, the JSON format of CloudEvents 1.0, for people to read and mend.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json

from twofold.messaging._errors import MessageUnreadable

_TYPE: Final = "datacontenttype"
_STRUCTURED: Final = "application/cloudevents"
_BODY: Final = ("data", "data_base64")


class Incoming(NamedTuple):
    """A message that has come.

    Args:
        subject: Where it was sent to.
        attributes: Those of the CloudEvent, as plain texts; none that the broker does not find.
        data: Its payload.
        number: The number that the broker has given it; later ones have larger ones.
        handle: What the broker settles it by; empty for one that it has settled.
        behind: How many wait behind it at the broker, when it was given.
    """

    subject: str
    attributes: Mapping[str, str]
    data: bytes
    number: int = 0
    handle: str = ""
    behind: int = 0


def opened(one: Incoming) -> Incoming:
    """A message in binary mode, with its attributes beside its data; as it is unless it came in structured mode.

    Raises:
        MessageUnreadable: It is no CloudEvent in JSON.
    """
    if not one.attributes.get(_TYPE, "").startswith(_STRUCTURED):
        return one
    attributes, data = read_document(one.data)
    return one._replace(attributes=attributes, data=data)


def read_document(document: bytes) -> tuple[dict[str, str], bytes]:
    """The attributes and the data of a CloudEvent in its JSON format.

    Raises:
        MessageUnreadable: It is none.
    """
    try:
        found: Any = from_json(document, allow_inf_nan=False)
        members = dict(found)
        body = members.pop("data", None)
        coded = members.pop("data_base64", None)
        data = to_json(body) if coded is None else base64.b64decode(coded, validate=True)
        attributes = {str(name): _text(value) for name, value in members.items() if value is not None}
    except (ValueError, TypeError) as error:
        raise MessageUnreadable(f"it is no CloudEvent in JSON: {error}") from error
    return attributes, data


def document_of(one: Incoming, largest: int) -> bytes:
    """A message in the JSON format of CloudEvents.

    Args:
        one: The message.
        largest: How many bytes of data are kept; of more only the size is.
    """
    members: dict[str, Any] = {name: value for name, value in one.attributes.items() if name not in _BODY}
    if len(one.data) > largest:
        members["sizeinbytes"] = str(len(one.data))
    else:
        members |= _body(one.data)
    return to_json(members)


def _body(data: bytes) -> dict[str, Any]:
    try:
        found = {"data": from_json(data, allow_inf_nan=False)}
        from_json(to_json(found), allow_inf_nan=False)  # a number that is too large for it would be no JSON any more
        return found
    except ValueError:
        return {"data_base64": base64.b64encode(data).decode()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int):
        raise TypeError("an attribute is a text or a number")
    return str(value)
