"""Whether a message is called what it is: by endings and short lists, and in doubt it is."""

import re
from typing import Final

from twofold.errors import snake_case
from twofold.messages import Kind

_PAST: Final = re.compile(r"\w+(ed|en|wn|ught|aid)")
_IMPERFECT: Final = re.compile(r"(?!embed)\w+[^e]ed")
"""What a command does not begin with; others than these are imperatives as well: set, feed, open."""
_IRREGULAR: Final = frozenset(
    (
        *("became", "began", "begun", "bound", "built", "came", "cut", "done", "fell", "felt", "found", "gone", "got"),
        *("grew", "held", "hit", "kept", "knew", "left", "lent", "lost", "made", "met", "put", "ran", "rose", "run"),
        *("sent", "set", "shut", "sold", "spent", "split", "spread", "swept", "told", "took", "went", "won", "wrote"),
    )
)
_ASKING: Final = frozenset({"get", "find", "search"})
_CHANGING: Final = frozenset({"add", "cancel", "create", "delete", "insert", "register", "remove", "rename", "update"})


def oddity(cls: type, kind: Kind) -> tuple[str, str] | None:
    """What is odd about the name of a message, and what to do; None when nothing is.

    Args:
        cls: Its class.
        kind: What it is.
    """
    words = snake_case(cls.__name__).split("_")
    match kind:
        case Kind.COMMAND if words[0] in _ASKING:
            return "is a command with the name of a query", "make it a Query, or name what it changes: PlaceOrder"
        case Kind.COMMAND if len(words) > 1 and _IMPERFECT.fullmatch(words[0]):
            return "is a command with the name of an event", "name what is to be done: PlaceOrder"
        case Kind.QUERY if words[0] in _CHANGING:
            return "is a query with the name of a command", "make it a Command, or name what it asks for: FindOrders"
        case Kind.EVENT if not any(map(_is_past, words)):
            return "is an event, and its name does not say what has happened", "name it in the past: OrderPlaced"
        case _:
            return None


def stem_of(cls: type, ending: str) -> str | None:
    """What a name has before an ending, PaymentAttempted before `attempted`; None for another name."""
    stem, _, last = snake_case(cls.__name__).rpartition("_")
    return stem if last == ending and stem else None


def _is_past(word: str) -> bool:
    return word in _IRREGULAR or _PAST.fullmatch(word) is not None
