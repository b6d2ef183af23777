"""The variables of the environment that have a name each, and those whose name is nearly one of them.

What is about reliability is named after parts, messages and modules as well; `_policies.py` knows those names.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

from twofold.errors import Fault

_PREFIX: Final = "TWOFOLD_"
_NAMES: Final = (
    "TWOFOLD_APP",
    "TWOFOLD_AUDIT_KEY",
    "TWOFOLD_AUDIT_KEY_FILE",
    "TWOFOLD_BROKER",
    "TWOFOLD_DATABASE",
    "TWOFOLD_KEY_DATABASE",
    "TWOFOLD_PERSONAL_KEY",
    "TWOFOLD_PERSONAL_KEY_FILE",
    "TWOFOLD_PROFILE",
    "TWOFOLD_READ_DATABASE",
    "TWOFOLD_ROLE",
)
_ELSEWHERE: Final = re.compile(r"TWOFOLD_(AUDIT_\w+|TEST_\w+|\w+?__\w+)", re.IGNORECASE)
"""What is looked at with the keys of the audit trail, belongs to tests, or is about one message or module."""
_NEAR: Final = 0.8


def other_variables() -> Mapping[str, str]:
    """The variables that begin as ours do and have none of these names: they may be about reliability."""
    ours = {name: text for name, text in os.environ.items() if name.upper().startswith(_PREFIX)}
    tests = f"{_PREFIX}TEST_"
    return {name: text for name, text in ours.items() if name.upper() not in _NAMES and not name.startswith(tests)}


def misspelt_variables() -> Iterator[Fault]:
    """What is wrong with the names of variables: nobody reads them, and they are nearly the name of one."""
    for name in os.environ:
        if not name.upper().startswith(_PREFIX) or name in _NAMES or _ELSEWHERE.fullmatch(name):
            continue
        meant = [one for one in _NAMES if _is_nearly(name.upper(), one)]
        if meant:
            (nearest,) = difflib.get_close_matches(name.upper(), meant, n=1, cutoff=0)
            text, hint = f"sets {name}, which nobody reads", f"did you mean {nearest}?"
            yield Fault(where="the environment", code="wrong_setting", text=text, hint=hint)


def _is_nearly(name: str, known: str) -> bool:
    """Whether a name is a known one with a slip in it: word by word, since other words are another name."""
    if name.replace("_", "") == known.replace("_", ""):
        return True
    words, meant = name.removesuffix("_URL").split("_"), known.split("_")
    return len(words) == len(meant) and all(
        difflib.SequenceMatcher(None, one, other).ratio() >= _NEAR for one, other in zip(words, meant, strict=True)
    )
