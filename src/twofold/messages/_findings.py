"""What pydantic finds, as findings that may be told and logged: where and which rule, and nothing of what was sent.

Rules of an application keep their words, without the secret that they are about. A few of pydantic's own quote the
input, a character or all of it, and are worded again here.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

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

_EMAIL: Final = "value is not a valid email address"


_SHORT: Final = 4
"""A value of fewer characters may be in a text by chance, as a part of a word."""


def _by_name(path: Path) -> bool:
    return any(is_telling(str(step)) for step in path)


def findings(found: Iterable[Any], is_secret: Callable[[Path], bool] = _by_name) -> list[Finding]:
    """What pydantic found, without the values: they may be secret.

    Args:
        found: What `errors()` of a `ValidationError` gives.
        is_secret: Tells whether what stands at a path is; those whose names tell so are, unless given.
    """
    return [
        Finding(path=one.path, rule=one.rule, message=_without(one.message, given.get("input"), one.path, is_secret))
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


def _without(text: str, value: object, path: Path, is_secret: Callable[[Path], bool]) -> str:
    """The words of a rule without the value that it was asked about, where that is a secret."""
    value = getattr(value, "get_secret_value", lambda: value)()
    if not isinstance(value, str | int | float) or value == "":
        return text
    quoted = re.escape(str(value))
    pattern = rf"(?<!\w){quoted}(?!\w)" if len(str(value)) < _SHORT else quoted
    hidden = re.sub(pattern, HIDDEN, text, flags=re.IGNORECASE)
    return hidden if hidden != text and is_secret(path) else text


def _text(found: Any) -> str:
    words = _WORDS.get(found["type"])
    if words is not None:
        return words.format(**found.get("ctx", {}))
    text = str(found["msg"])
    return _EMAIL if text.startswith(_EMAIL) else text
