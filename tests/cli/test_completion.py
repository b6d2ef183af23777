"""Completing in a shell: the names of messages, once it is known of which application."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from tests.cli.served import ROOT
from twofold.cli._main import commands

DESK = "tests.cli.desk:app"
PAGE = (ROOT / "docs" / "command-line.md").read_text()


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
        (("send", DESK), "Ta", ["Take"]),
        (("ask", DESK), "Ta", []),
        (("send", DESK, "take"), "", []),
        (("send",), "", []),
        (("send", "no.such:app"), "", []),
    ],
)
def test_messages_of_the_kind_that_is_meant_are_offered(words: tuple[str, ...], begun: str, offered: list[str]) -> None:
    """Of an application that is named before, whole or cut at its colon as bash has it; of none where there is none."""
    assert completed(*words, begun=begun) == offered


@pytest.mark.parametrize(
    "words, begun, offered",
    [
        (("send", DESK, "take"), "--", {"--lines", "--price", "--urgent", "--way", "--order-id"}),
        (("send", DESK, "Take"), "--or", {"--order-id"}),
        (("send", DESK, "take", "--price", "2"), "--pr", set()),
        (("send", DESK, "take", "--as", "ada"), "--l", {"--lines"}),
        (("send", "--app", DESK, "take"), "--w", {"--way"}),
        (("send", "tests.cli.desk", ":", "app", "fail"), "--", {"--how"}),
        (("ask", DESK, "find_line"), "--", {"--item"}),
        (("ask", DESK, "take"), "--", set()),
        (("send", DESK), "--", set()),
        (("send", "no.such:app", "take"), "--", set()),
        (("send",), "--", set()),
    ],
)
def test_fields_of_the_message_that_stands_before_are_offered(
    words: tuple[str, ...], begun: str, offered: set[str]
) -> None:
    """Beside the options that the command itself has: what is filled by the context and what was typed is left out."""
    own = {"--help"} | {flag for one in commands.commands[words[0]].params for flag in one.opts}
    found = completed(*words, begun=begun)
    assert {*found} - own == offered
    assert len(found) == len({*found})


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


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_behind_the_line_of_the_page(tmp_path: Path) -> None:
    """It takes the script that the line makes, and calls what that registers: a command, a message, a field of it."""
    (line,) = re.findall(r"^```bash\n(eval .*?)\s+#.*\n```", PAGE, re.MULTILINE)
    (tmp_path / "twofold").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m twofold "$@"\n')
    (tmp_path / "twofold").chmod(0o755)
    typed = (["twofold", "doc"], ["twofold", "send", DESK, "ta"], ["twofold", "send", DESK, "take", "--pr"])
    asked = [
        f"COMPREPLY=() COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}\n"
        "_twofold_completion twofold; echo ${COMPREPLY[@]}"
        for words in typed
    ]
    script = "\n".join([line, "complete -p twofold", *asked])
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-ec", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    registered, *offered = done.stdout.splitlines()
    assert (offered, done.stderr) == (["doctor", "take", "--price"], "")
    assert "-F _twofold_completion twofold" in registered
