"""What somebody asked for who asked for a message that is not offered, and what was probably meant."""

import difflib
from collections.abc import Sequence
from typing import Final

from twofold.messages import Kind
from twofold.middleware import printable
from twofold.web._endpoint import Endpoint
from twofold.web._plan import PREFIX

_LONGEST_NAME: Final = 80


def asked_for(path: str) -> tuple[Kind, str] | None:
    """The kind and name of the message that a path asks for, safe to log; None when it asks for none.

    Args:
        path: The path, as a client sent it.
    """
    for kind, prefix in PREFIX.items():
        if path.startswith(prefix):
            return kind, printable(path[len(prefix) :][:_LONGEST_NAME])
    return None


def hint_for(path: str, endpoints: Sequence[Endpoint]) -> str:
    """A hint for a path that leads nowhere; empty when nothing comes near, or it is no message that was asked for.

    Only what is offered is ever named.

    Args:
        path: The path.
        endpoints: What is offered.
    """
    if not path.startswith(tuple(PREFIX.values())):
        return ""
    offered = {one.intake.message_type.name: one for one in endpoints}
    near = difflib.get_close_matches(path.rpartition("/")[2], offered, n=3)
    told = [f"{offered[name].method} {offered[name].path}" for name in near]
    return f"did you mean {' or '.join(told)}?" if told else ""
