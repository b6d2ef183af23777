"""English, as far as names of messages need it: `PlaceOrder` is a verb and a thing, and becomes `OrderPlaced`."""

import re
from collections.abc import Sequence
from typing import Final

from twofold.errors import snake_case

_IRREGULAR: Final = {
    "begin": "begun", "bid": "bid", "bind": "bound", "break": "broken", "bring": "brought", "build": "built",
    "buy": "bought", "catch": "caught", "choose": "chosen", "cut": "cut", "do": "done", "draw": "drawn",
    "drive": "driven", "feed": "fed", "find": "found", "forget": "forgotten", "freeze": "frozen", "get": "got",
    "give": "given", "go": "gone", "grow": "grown", "hide": "hidden", "hit": "hit", "hold": "held", "keep": "kept",
    "lead": "led", "leave": "left", "lend": "lent", "let": "let", "lose": "lost", "make": "made", "meet": "met",
    "pay": "paid", "put": "put", "quit": "quit", "read": "read", "refer": "referred", "ride": "ridden", "run": "run",
    "sell": "sold", "send": "sent", "set": "set", "show": "shown", "shut": "shut", "sign": "signed", "speak": "spoken",
    "spend": "spent", "split": "split", "take": "taken", "teach": "taught", "tell": "told", "throw": "thrown",
    "transfer": "transferred", "win": "won", "write": "written",
}  # fmt: skip
_AGAIN: Final = re.compile(f"(over|re|un|under|with)({'|'.join(_IRREGULAR)})")
"""A verb that goes as the one in it does: rewrite, undo, withdraw."""
_DOUBLED: Final = frozenset(
    ("admit", "cancel", "commit", "control", "debug", "emit", "label", "omit", "permit", "remit", "submit")
)
_ONE_OR_MANY: Final = ("news", "series", "species")
_ONE: Final = frozenset((*_ONE_OR_MANY, "alias", "atlas", "bias", "canvas", "gas", "lens"))
"""Things that end as if they were many."""
_MANY: Final = {
    "bookshelf": "bookshelves", "calf": "calves", "child": "children", "half": "halves", "knife": "knives",
    "leaf": "leaves", "life": "lives", "loaf": "loaves", "person": "people", "shelf": "shelves", "thief": "thieves",
    "wife": "wives", "wolf": "wolves",
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
    if again := _AGAIN.fullmatch(verb):
        return again[1] + _IRREGULAR[again[2]]
    if verb.endswith("e"):
        return f"{verb}d"
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ied"
    if re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", verb) or verb in _DOUBLED:
        return f"{verb}{verb[-1]}ed"
    return f"{verb}ed"


def plural(word: str) -> str:
    """`order` as `orders`; what is one already stays."""
    if singular(word) != word or word in _ONE_OR_MANY:
        return word
    if word in _MANY:
        return _MANY[word]
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}es" if re.search(r"(s|x|z|ch|sh)$", word) else f"{word}s"


def singular(word: str) -> str:
    """`orders` as `order`."""
    for one, many in (*_MANY.items(), *((one, f"{one}es") for one in _ONE)):
        if word in (one, many):
            return one
    if re.search(r"[^aeiou]ies$", word):
        return f"{word[:-3]}y"
    if re.search(r"(ss|tus|x|zz|ch|sh)es$", word):
        return word[:-2]
    return word[:-1] if re.search(r"[^sui]s$", word) else word
