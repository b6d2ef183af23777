"""Whether a message is called what it is: a command by what is to be done, a query by what it asks, an event by what
has happened. It goes by endings and short lists; of a command that may begin with a verb it says nothing.
"""

import re
from collections.abc import Sequence
from typing import Final

from twofold.errors import snake_case
from twofold.messages import Kind

_PAST: Final = re.compile(r"\w+(ed|en|wn|ught|aid)")
_IMPERFECT: Final = re.compile(r"(?!embed)\w+[^e]ed")
"""What a command does not begin with; others than these are imperatives as well: set, feed, open."""
_IRREGULAR: Final = frozenset(
    (
        *("became", "began", "begun", "bid", "bound", "built", "came", "cut", "done", "fed", "fell", "felt", "found"),
        *("gone", "got", "grew", "held", "hit", "kept", "knew", "led", "left", "lent", "let", "lost", "made", "met"),
        *("put", "quit", "ran", "read", "rose", "run", "sent", "set", "shut", "sold", "spent", "split", "spread"),
        *("swept", "told", "took", "went", "won", "wrote"),
    )
)
_AGAIN: Final = re.compile("^(over|re|under|un|with)")
"""What stands in front of a verb and leaves its forms as they are: reset, undone, withheld."""
_LOOKING: Final = frozenset({"fetch", "find", "get", "list", "search", "show"})
"""What no command begins with: it only looks."""
_ASKING: Final = _LOOKING | {
    *("are", "browse", "can", "check", "compare", "count", "describe", "did", "do", "does", "explain", "export"),
    *("filter", "follow", "had", "has", "have", "how", "is", "load", "look", "lookup", "may", "must", "preview"),
    *("query", "read", "see", "should", "suggest", "sum", "tell", "view", "was", "watch", "were", "what", "when"),
    *("where", "which", "who", "whose", "why", "will"),
}
"""What a query begins with, one of them."""
_THINGS: Final = frozenset(
    (
        *("account", "appointment", "basket", "booking", "cart", "category", "course", "customer", "employee"),
        *("inventory", "item", "member", "membership", "order", "password", "payment", "person", "product"),
        *("reservation", "session", "shipment", "student", "subscription", "transaction", "user", "wallet"),
    )
)
"""What commands are about, and nothing that is done; but for `order`, which is a verb in front of something else."""
_DEED: Final = re.compile(r"\w+([st]ion|ment)")
"""A noun of what is done: placement, registration."""
_VERBS_TOO: Final = frozenset(
    (
        *("auction", "augment", "caution", "comment", "commission", "condition", "document", "experiment", "implement"),
        *("mention", "partition", "petition", "position", "provision", "question", "ration", "sanction", "transition"),
    )
)


def oddity(cls: type, kind: Kind) -> tuple[str, str] | None:
    """What is odd about the name of a message, and what to do; None when nothing is.

    Args:
        cls: Its class.
        kind: What it is.
    """
    first, *others = words = snake_case(cls.__name__).split("_")
    match kind:
        case Kind.COMMAND if first in _LOOKING and not (first == "list" and others and _is_one(others[-1])):
            return "is a command with the name of a query", "make it a Query, or name what it changes: PlaceOrder"
        case Kind.COMMAND if others and _IMPERFECT.fullmatch(first):
            return "is a command with the name of an event", "name what is to be done: PlaceOrder"
        case Kind.COMMAND if _is_noun(words):
            return "is a command, and its name does not say what is to be done", "begin with a verb: PlaceOrder"
        case Kind.QUERY if first not in _ASKING:
            return (
                "is a query, and its name does not ask for anything",
                "name what it asks for: FindOrders, CountOrders",
            )
        case Kind.EVENT if not any(map(_is_past, words)):
            return "is an event, and its name does not say what has happened", "name it in the past: OrderPlaced"
        case _:
            return None


def stem_of(cls: type, ending: str) -> str | None:
    """What a name has before an ending, PaymentAttempted before `attempted`; None for another name."""
    stem, _, last = snake_case(cls.__name__).rpartition("_")
    return stem if last == ending and stem else None


def _is_noun(words: Sequence[str]) -> bool:
    """Whether it is a thing by itself, or what is done to one: Order, Registration, UserRegistration."""
    thing = words[0] in _THINGS
    deed = _DEED.fullmatch(words[-1]) is not None and words[-1] not in _VERBS_TOO
    return thing and deed if len(words) > 1 else thing or deed


def _is_one(word: str) -> bool:
    """Whether it is one thing and not many: ListProduct puts it into a list, and ListProducts looks at one."""
    return not word.endswith("s") or word.endswith("ss")


def _is_past(word: str) -> bool:
    return _PAST.fullmatch(word) is not None or not _IRREGULAR.isdisjoint((word, _AGAIN.sub("", word)))
