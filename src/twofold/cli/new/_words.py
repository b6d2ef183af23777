"""English, as far as names of messages need it: `PlaceOrder` is a verb and a thing, and becomes `OrderPlaced`."""

import re
from collections.abc import Sequence
from typing import Final

from twofold.errors import snake_case

_IRREGULAR: Final = {
    "begin": "begun", "bind": "bound", "break": "broken", "bring": "brought", "build": "built", "buy": "bought",
    "choose": "chosen", "cut": "cut", "do": "done", "draw": "drawn", "find": "found", "forget": "forgotten",
    "freeze": "frozen", "get": "got", "give": "given", "go": "gone", "grow": "grown", "hide": "hidden", "hold": "held",
    "keep": "kept", "leave": "left", "lend": "lent", "lose": "lost", "make": "made", "meet": "met", "pay": "paid",
    "put": "put", "read": "read", "refer": "referred", "reset": "reset", "run": "run", "sell": "sold", "send": "sent",
    "set": "set", "show": "shown", "shut": "shut", "sign": "signed", "speak": "spoken", "spend": "spent",
    "split": "split", "submit": "submitted", "take": "taken", "teach": "taught", "tell": "told",
    "transfer": "transferred", "withdraw": "withdrawn", "write": "written",
}  # fmt: skip


def words_of(name: str) -> list[str]:
    """`PlaceOrder` as `place`, `order`."""
    return snake_case(name).split("_")


def title(words: Sequence[str]) -> str:
    """`order`, `placed` as `OrderPlaced`."""
    return "".join(word.capitalize() for word in words)


def sentence(name: str) -> str:
    """`PlaceOrder` as `Place order`."""
    return " ".join(words_of(name)).capitalize()


def past(verb: str) -> str:
    """`place` as `placed`, `pay` as `paid`, `ship` as `shipped`."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("e"):
        return f"{verb}d"
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ied"
    if re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", verb) or verb in ("cancel", "label"):
        return f"{verb}{verb[-1]}ed"
    return f"{verb}ed"


def plural(word: str) -> str:
    """`order` as `orders`; what is one already stays."""
    if singular(word) != word:
        return word
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}es" if re.search(r"(s|x|z|ch|sh)$", word) else f"{word}s"


def singular(word: str) -> str:
    """`orders` as `order`."""
    if re.search(r"[^aeiou]ies$", word):
        return f"{word[:-3]}y"
    if re.search(r"(ss|tus|x|zz|ch|sh)es$", word):
        return word[:-2]
    return word[:-1] if re.search(r"[^sui]s$", word) else word
