"""The headers of a request by name, when some of them may have come more than once."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

from twofold.errors import Finding, Invalid

_LISTS: Final = (b"content-encoding", b"if-match", b"if-none-match", b"prefer")
_NOTHING: Final = frozenset[bytes]()


def by_name(sent: Iterable[tuple[bytes, bytes]]) -> tuple[dict[bytes, bytes], frozenset[bytes]]:
    """Headers by name, and the names that came more than once.

    Encodings, tags and preferences that came in several lines are one list (RFC 9110, 5.3). Of any other header the
    last line is given, and who could be misled by that looks at the names.

    Args:
        sent: The headers as they came, with names in lower case.
    """
    lines = [*sent]
    headers = dict(lines)
    if len(headers) == len(lines):
        return headers, _NOTHING
    repeated = frozenset(name for name, times in Counter(name for name, _ in lines).items() if times > 1)
    for name in repeated.intersection(_LISTS):
        headers[name] = b", ".join(value for other, value in lines if other == name)
    return headers, repeated


def refuse_repeated(repeated: Collection[bytes], *names: str) -> None:
    """Refuse headers that came more than once, and of which one alone can count.

    Args:
        repeated: The names of those that came more than once, in lower case.
        names: The headers, as they are told.

    Raises:
        Invalid: With a finding for each of them; there is no telling which line counts.
    """
    if not repeated:
        return
    twice = [name for name in names if name.lower().encode("ascii") in repeated]
    if twice:
        text = "this can be given once"
        raise Invalid(findings=[Finding(path=(name,), rule="header", message=text) for name in twice])
