import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from twofold.cli import main


class Said(NamedTuple):
    """What a command line said, and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def twofold(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Said]:
    """The command line, in this process."""
    monkeypatch.delenv("TWOFOLD_APP", raising=False)
    monkeypatch.setenv("TWOFOLD_DATABASE", str(tmp_path / "never-opened.db"))

    def call(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["twofold", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return Said(int(end.value.code or 0), said.out, said.err)

    return call
