"""Text from outside cannot forge a line."""

import pytest

from twofold.middleware import printable


@pytest.mark.parametrize(
    "text, safe",
    [
        ("ada", "ada"),
        ("Ådá 愛", "Ådá 愛"),
        ("ada\nINFO forged", r"ada\nINFO forged"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\u202eb", r"a\u202eb"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_could_start_a_line_or_move_a_cursor_is_escaped(text: str, safe: str) -> None:
    """Letters of every script stay as they are."""
    assert printable(text) == safe
