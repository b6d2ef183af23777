"""Completing in a shell: the names of messages, once it is known of which application."""

import os
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from tests.cli.served import ROOT
from twofold.cli._main import commands

DESK = "tests.cli.desk:app"


def completed(*words: str, begun: str = "") -> list[str]:
    """What a shell would offer."""
    shell = ShellComplete(commands, {}, "twofold", "_TWOFOLD_COMPLETE")
    return [one.value for one in shell.get_completions(list(words), begun)]


@pytest.mark.parametrize(
    "words, begun, offered",
    [
        (("send", DESK), "", ["close", "fail", "take"]),
        (("send", DESK), "ta", ["take"]),
        (("ask", DESK), "", ["count_orders", "find_line", "list_lines"]),
        (("explain", DESK), "t", ["take", "taken"]),
        (("explain", "--app", DESK), "f", ["fail", "find_line"]),
        (("send", "tests.cli.desk", ":", "app"), "f", ["fail"]),
        (("send", DESK, "take"), "", []),
        (("send",), "", []),
        (("send", "no.such:app"), "", []),
    ],
)
def test_messages_of_the_kind_that_is_meant_are_offered(words: tuple[str, ...], begun: str, offered: list[str]) -> None:
    """Of an application that is named before, whole or cut at its colon as bash has it; of none where there is none."""
    assert completed(*words, begun=begun) == offered


def test_the_variable_names_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when it is run."""
    monkeypatch.setenv("TWOFOLD_APP", DESK)
    assert completed("send", begun="cl") == ["close"]


def test_a_shell_is_given_what_it_asks_for() -> None:
    """By the variable that click reads; commands are offered as ever, and nothing is said on standard error."""
    environment = {
        **os.environ,
        "_TWOFOLD_COMPLETE": "bash_complete",
        "COMP_WORDS": f"twofold send {DESK} t",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        [sys.executable, "-m", "twofold"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout.splitlines(), done.stderr) == (["plain,take"], "")
    assert "doctor" in completed(begun="d")
