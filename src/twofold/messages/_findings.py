"""What pydantic finds, as findings that may be told and logged: where and which rule, and nothing of what was sent.

Rules of an application keep their words. A few of pydantic's own quote the input, a character or all of it, and are
worded again here.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from twofold.errors import Finding, Invalid

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


def findings(found: Iterable[Any]) -> list[Finding]:
    """What pydantic found, without the values: they may be secret.

    Args:
        found: What `errors()` of a `ValidationError` gives.
    """
    return [finding for one in found for finding in _findings(tuple(one["loc"]), one)]


def _findings(path: tuple[str | int, ...], found: Any) -> Iterator[Finding]:
    """One thing that pydantic found; an `Invalid` raised in a validator brings its own findings."""
    cause = found.get("ctx", {}).get("error")
    if isinstance(cause, Invalid) and cause.findings:
        for one in cause.findings:
            yield Finding(path=(*path, *one.path), rule=one.rule, message=one.message)
    else:
        text = str(cause) if isinstance(cause, Exception) else _text(found)
        yield Finding(path=path, rule=found["type"], message=text)


def _text(found: Any) -> str:
    words = _WORDS.get(found["type"])
    if words is not None:
        return words.format(**found.get("ctx", {}))
    text = str(found["msg"])
    return _EMAIL if text.startswith(_EMAIL) else text
