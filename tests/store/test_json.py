"""Plain values as drivers keep them in a column of text."""

import json

import pytest

from twofold.errors import Invalid
from twofold.store import json_text


def test_letters_stay_as_they_are() -> None:
    """Nothing is escaped that need not be, and what is written is read again."""
    value = {"who": "Ada é ᚠ", "none": None, "many": ["a\0b", 1, True]}
    assert json_text(value) == '{"who":"Ada é ᚠ","none":null,"many":["a\\u0000b",1,true]}'
    assert json.loads(json_text(value)) == value


def test_half_of_a_surrogate_pair_is_refused() -> None:
    """No database holds it, so whoever has sent it is told, and nothing is written."""
    with pytest.raises(Invalid, match=r"^a text has characters that cannot be stored$"):
        json_text({"who": "\ud800"})
