"""An event as it leaves the service: a CloudEvent, whatever carries it.

Attributes are those of CloudEvents 1.0 and its extension for distributed tracing; those that only twofold has are
lower-case words, as the specification asks for. Who has sent the command stays here.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from twofold.messages import MessageType
from twofold.store import Recorded

_CARRIED: Final = {
    "correlation_id": "correlationid",
    "causation_id": "causationid",
    "tenant": "tenant",
    "traceparent": "traceparent",
    "tracestate": "tracestate",
}
"""What goes along of the headers of an event, by what it is called outside."""


class Outgoing(NamedTuple):
    """A message on its way to a broker.

    Args:
        subject: Where it goes.
        id: Its id, the same whenever it is given again.
        stream: Messages of one stream are given in order.
        attributes: Those of the CloudEvent, `specversion` and `id` among them, as plain texts.
        data: Its payload, JSON.
    """

    subject: str
    id: str
    stream: str
    attributes: Mapping[str, str]
    data: bytes


def outgoing(
    kind: MessageType[Any], data: bytes, recorded: Recorded, *, to: str, source: str, number: int = 0
) -> Outgoing:
    """An event as a message.

    Args:
        kind: Its class.
        data: What it is, JSON.
        recorded: Its entry in the log.
        to: Where it goes, without its name.
        source: The name of the application.
        number: Which of the events it is that one entry of the log has become, from 0.
    """
    id_ = f"{recorded.id}.{number + 1}" if number else str(recorded.id)
    attributes = {
        "specversion": "1.0",
        "id": id_,
        "source": f"/{quote(source)}",
        "type": kind.name,
        "time": recorded.time.isoformat(),
        "datacontenttype": "application/json",
        "subject": recorded.stream,
        "schemaversion": str(kind.wire.version),
        "streamversion": str(recorded.version),
        "position": str(recorded.position),
    }
    attributes |= {name: value for key, name in _CARRIED.items() if (value := recorded.headers.get(key))}
    return Outgoing(f"{to}.{kind.name}", id_, recorded.stream, attributes, data)
