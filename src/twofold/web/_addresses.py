"""What the address of a request says, as text: the fields of its path, and its parameters.

Bytes that are no UTF-8 are refused here, as they are in a body. Whoever decodes an address puts U+FFFD in their place,
and then addresses that differ mean the same; so they do where a `%` that begins no byte is taken as it is, for `%25`
means that too. An endpoint asks for both; neither costs more than a look where nothing is wrong.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, unquote_plus, unquote_to_bytes

from starlette.types import Scope

from twofold.errors import Finding, Invalid
from twofold.web._arrival import local_path

MOST_PARAMETERS: Final = 500

SLASH: Final = "\udc2f"
"""Stands for a slash in a field of a path: nothing that is decoded has it."""

_LOST: Final = "\ufffd"
_KEPT: Final = "surrogateescape"
_SENT_SLASH: Final = re.compile("%2[Ff]")
_NO_BYTE: Final = re.compile("%(?![0-9A-Fa-f]{2})")


def path_of(scope: Scope) -> str:
    """The path of a request below where the application is mounted, with `SLASH` for each slash that is no separator.

    Only the bytes of a path say which are (RFC 3986, 2.2). Where a server does not tell them, or somebody on the way
    has changed the path, all of them are.

    Args:
        scope: The request's ASGI scope.
    """
    sent = (scope.get("raw_path") or b"").decode("latin-1")
    if "%2" not in sent or not _SENT_SLASH.search(sent) or unquote(sent) != scope["path"]:
        return local_path(scope)
    return local_path({**scope, "path": unquote(_SENT_SLASH.sub(SLASH, sent))})


def fields_of_path(scope: Scope) -> Mapping[str, Any]:
    """What the path of a request holds, by name.

    A server need not tell the bytes of a path; where it does not, the path is taken as the server has decoded it.

    Args:
        scope: The request's ASGI scope.

    Raises:
        Invalid: Fields of it are no text.
    """
    fields: Mapping[str, Any] = scope["path_params"]
    if fields and _LOST in scope["path"]:
        sent = unquote_to_bytes(scope.get("raw_path") or b"").decode(errors=_KEPT)
        if not _is_text(sent):
            marked = [name for name, value in fields.items() if _LOST in value]
            raise _undecodable([name for name in marked if fields[name] not in sent] or marked)
    if fields and "%" in scope["path"] and _NO_BYTE.search((scope.get("raw_path") or b"").decode("latin-1")):
        marked = [name for name, value in fields.items() if "%" in value]
        raise _undecodable([name for name in marked if _NO_BYTE.search(fields[name])] or marked)
    return fields


def parameters_of(query: bytes) -> list[tuple[str, str]]:
    """The parameters of a query string, in their order.

    Args:
        query: The query string.

    Raises:
        Invalid: Some are no text, or they are too many.
    """
    text = query.decode("latin-1")
    if "%" in text and _NO_BYTE.search(text):
        parts = [part.partition("=")[0] for part in text.split("&") if _NO_BYTE.search(part)]
        raise _undecodable(_told(unquote_plus(name, errors=_KEPT)) for name in parts)
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="strict")
    except UnicodeDecodeError as error:
        pairs = parse_qsl(text, keep_blank_values=True, errors=_KEPT)
        raise _undecodable(_told(name) for name, value in pairs if not _is_text(name + value)) from error
    except ValueError as error:
        told = f"at most {MOST_PARAMETERS} parameters can be sent"
        raise Invalid(findings=[Finding(rule="too_many_parameters", message=told)]) from error


def _is_text(kept: str) -> bool:
    """Whether nothing was kept as it is for being no UTF-8."""
    try:
        kept.encode()
    except UnicodeEncodeError:
        return False
    return True


def _told(name: str) -> str:
    """The name of a parameter; as it can be sent, when it is no text."""
    return name if _is_text(name) else quote(name, errors=_KEPT)


def _undecodable(names: Iterable[str]) -> Invalid:
    text = "this is to be UTF-8, percent-encoded"
    return Invalid(findings=[Finding(path=(name,), rule="encoding", message=text) for name in dict.fromkeys(names)])
