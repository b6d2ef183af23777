"""Entity tags: what a client sends back to say which answer it has, or at which version a command is to be done.

The tag of an answer is `"7-c0ffee"`: the version of what it shows, where its handler names one, and a digest of its
very bytes; without a version, `"=c0ffee"`. So no two answers share a tag, whoever is shown them. A command takes the
version off such a tag, or a bare `"7"`, which is what the response of a command gives out.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final

from twofold.errors import Finding, Invalid
from twofold.messages import Expected, Origin

_TAGS: Final = re.compile(rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"(?:[ \t]*,[ \t]*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*")*')
_TAG: Final = re.compile(rb'(W/)?("[^"]*")')
_VERSION: Final = re.compile(rb'"([0-9]{1,18})(?:-[0-9a-f]*)?"')
_DIGEST: Final = 12


def tag_of(body: bytes, version: int | None = None) -> bytes:
    """The tag of an answer.

    Args:
        body: Its bytes.
        version: The version of what it shows, when that is known.
    """
    digest = blake2b(body, digest_size=_DIGEST).hexdigest().encode()
    return b'"=%b"' % digest if version is None else b'"%d-%b"' % (version, digest)


def is_known(headers: Mapping[bytes, bytes], tag: bytes) -> bool:
    """Whether a client has the answer with a tag already, by its `If-None-Match`.

    Args:
        headers: The headers of its request.
        tag: The tag of what it would be answered.
    """
    sent = headers.get(b"if-none-match")
    return sent is not None and (sent.strip() == b"*" or any(one == tag for _, one in _TAG.findall(sent)))


def with_expected(origin: Origin, headers: Mapping[bytes, bytes]) -> Origin:
    """Where a command comes from, with what its request expects, if it does.

    Args:
        origin: Where it comes from.
        headers: The headers of its request.

    Raises:
        Invalid: They cannot be understood, or contradict each other.
    """
    match, none_match = headers.get(b"if-match"), headers.get(b"if-none-match")
    if match is None and none_match is None:
        return origin
    if none_match is not None:
        if match is not None or none_match.strip() != b"*":
            raise _invalid("If-None-Match", "of a command this is *, and alone")
        return replace(origin, expected=Expected.absent())
    sent = (match or b"").strip()
    if sent == b"*":
        return replace(origin, expected=Expected.present())
    if not _TAGS.fullmatch(sent):
        raise _invalid("If-Match", "this is to be * or the ETag of an answer, in its quotes")
    versions = (_VERSION.fullmatch(tag) for weak, tag in _TAG.findall(sent) if not weak)
    return replace(origin, expected=Expected.version(*(int(one[1]) for one in versions if one is not None)))


EXPECTED_PARAMETERS: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "The ETag of what this is about, as it was seen: at another version this is a 412, and nothing"
        " is done. `*`: whatever its version, it is there.",
    },
    {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "enum": ["*"]},
        "description": "`*`: only if what this is about is not there yet; else it is a 412.",
    },
)
"""The headers of a command that is about something with a version, as the API document describes them."""

KNOWN_PARAMETERS: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "The ETag of an answer that is there already: it is a 304 while that is still the answer.",
    },
)
"""The same of a query."""


TAG_GIVEN: Final[Mapping[str, Any]] = {
    "ETag": {
        "description": "Which answer this is, or the version that a command has come to; to be sent back as it is.",
        "schema": {"type": "string"},
    }
}
"""The header of a response, as the API document describes it."""


def _invalid(header: str, text: str) -> Invalid:
    return Invalid(findings=[Finding(path=(header,), rule="header", message=text)])
