import logging
import sys
from collections.abc import Callable, Iterator
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


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """What a test configures ends with it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    sender = logging.getLogger("httpx")  # the sender of all this tells where it sends it
    sender.disabled = True
    yield
    sender.disabled = False
    root.handlers[:] = handlers
    root.setLevel(level)
