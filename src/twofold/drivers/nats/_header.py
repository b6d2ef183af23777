"""The headers of a message: a CloudEvent in binary mode.

CloudEvents, NATS protocol binding, section 3.1: each attribute is a header of its own with `ce-` before its name, and
its value is percent-encoded. The data is the payload, as it is.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

from twofold.messaging import Outgoing

_PLAIN: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
"""What the binding leaves as it is: printable ASCII but the space, the quotation mark and the percent sign."""
_IS_PLAIN: Final = re.compile(r"[!#$&-~]*").fullmatch
"""Whether a text is made of that alone: most are, and are not looked at letter by letter."""
_PREFIX: Final = "ce-"
_TRACE: Final = ("traceparent", "tracestate")


def headers_of(one: Outgoing) -> dict[str, str]:
    """The headers of a message; its id is what JetStream knows a second copy by."""
    headers = {f"ce-{name}": _encoded(value) for name, value in one.attributes.items()}
    headers["Nats-Msg-Id"] = one.id
    # Where instrumentations of NATS clients look for it, who know nothing of CloudEvents.
    return headers | {name: headers[f"ce-{name}"] for name in _TRACE if name in one.attributes}


def attributes_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The attributes in the headers of a message; the type of its data, and its trace, where others put them too."""
    beside = {name: headers[name] for name in _TRACE if name in headers}
    for name, value in headers.items():
        if name.lower() == "content-type":
            beside["datacontenttype"] = value
    prefix = len(_PREFIX)
    found = {name[prefix:]: unquote(value) for name, value in headers.items() if name.startswith(_PREFIX)}
    return beside | found


def _encoded(value: str) -> str:
    return value if _IS_PLAIN(value) else quote(value, safe=_PLAIN)


def size_of(headers: dict[str, str]) -> int:
    """How many bytes they take on the wire, which the server counts as a part of the message."""
    return len("NATS/1.0\r\n\r\n") + sum(len(name) + len(value) + len(": \r\n") for name, value in headers.items())
