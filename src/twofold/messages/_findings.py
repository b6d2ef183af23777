"""What pydantic finds, as findings that may be told and logged: where and which rule, and nothing of what was sent.

Rules of an application keep their words, without the secret that they are about. A few of pydantic's own quote the
input, a character or all of it, and are worded again here.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, TypeAlias, cast, get_args

from pydantic import BaseModel
from pydantic_core.core_schema import ErrorType

from twofold.errors import Finding, Invalid
from twofold.messages._telling import HIDDEN, is_telling

Path: TypeAlias = tuple[str | int, ...]

_WORDS: Final = {
    "bytes_invalid_encoding": "Data should be valid {encoding}",
    "byte_size_unit": "could not interpret byte unit",
    "get_attribute_error": "Error extracting attribute",
    "import_error": "Invalid python path",
    "iteration_error": "Error iterating over object",
    "mapping_type": "Input should be a valid mapping",
    "union_tag_invalid": "Input tag found using {discriminator} is none of the expected tags: {expected_tags}",
    "uuid_parsing": "Input should be a valid UUID",
    "zoneinfo_str": "invalid timezone",
}
"""pydantic's rules whose words quote the input, and words that do not."""

_PYDANTIC: Final = frozenset(get_args(ErrorType)) - {"value_error", "assertion_error"}
"""The rules of pydantic, whose words quote nothing that is not worded again."""

_EMAIL: Final = "value is not a valid email address"


_SHORT: Final = 4
"""A value of fewer characters may be in a text by chance, as a part of a word."""
_MOST: Final = 10_000
"""So many values of a message are looked for in the words of a rule about the whole of it."""
_UNTOLD: Final = "is not as a rule demands"
"""What is told of a message with more of them."""


def _by_name(path: Path) -> bool:
    return any(is_telling(str(step)) for step in path)


def findings(found: Iterable[Any], is_secret: Callable[[Path], bool] = _by_name) -> list[Finding]:
    """What pydantic found, without the values: they may be secret.

    Args:
        found: What `errors()` of a `ValidationError` gives.
        is_secret: Tells whether what stands at a path is; those whose names tell so are, unless given.
    """
    return [
        Finding(path=one.path, rule=one.rule, message=_without_secrets(one, given, is_secret))
        for given in found
        for one in _findings(tuple(given["loc"]), given)
    ]


def _findings(path: Path, found: Any) -> Iterator[Finding]:
    """One thing that pydantic found; an `Invalid` raised in a validator brings its own findings."""
    cause = found.get("ctx", {}).get("error")
    if isinstance(cause, Invalid) and cause.findings:
        for one in cause.findings:
            yield Finding(path=(*path, *one.path), rule=one.rule, message=one.message)
    else:
        text = str(cause) if isinstance(cause, Exception) else _text(found)
        yield Finding(path=path, rule=found["type"], message=text)


def _without_secrets(finding: Finding, found: Any, is_secret: Callable[[Path], bool]) -> str:
    """The words of a rule without the secrets in what it was asked about: a value, or a whole message."""
    text = finding.message
    if found["type"] in _PYDANTIC:
        return text
    folded = text.casefold()
    for number, (path, value) in enumerate(_values(found.get("input"), tuple(found["loc"]))):
        if number == _MOST:
            return _UNTOLD
        if value.casefold() in folded and (is_secret(path) or is_secret(finding.path)):
            quoted = re.escape(value)
            pattern = rf"(?<!\w){quoted}(?!\w)" if len(value) < _SHORT else quoted
            text = re.sub(pattern, HIDDEN, text, flags=re.IGNORECASE)
    return text


def _values(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """The texts and numbers that something consists of, and where they stand."""
    if isinstance(value, str | int | float):
        if value != "":
            yield path, str(value)
    else:
        for name, one in _members(value):
            yield from _values(one, (*path, name))


def _members(value: Any) -> Iterable[tuple[Any, Any]]:
    match value:
        case Mapping():
            return cast("Mapping[str, Any]", value).items()
        case list() | tuple() | set() | frozenset():
            return enumerate(cast("Iterable[Any]", value))
        case BaseModel():
            return value
        case _ if is_dataclass(value):
            return [(one.name, getattr(value, one.name, None)) for one in fields(value)]
        case _:
            secret = getattr(value, "get_secret_value", None)
            return () if secret is None else [("", secret())]


def _text(found: Any) -> str:
    words = _WORDS.get(found["type"])
    if words is not None:
        return words.format(**found.get("ctx", {}))
    text = str(found["msg"])
    return _EMAIL if text.startswith(_EMAIL) else text
