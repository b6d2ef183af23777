"""The page on generators: its commands write what the page shows, and its table of generators is that of the code."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from twofold.cli import main
from twofold.cli.new import new
from twofold.cli.new._fields import TYPES

PAGE = (Path(__file__).parents[2] / "docs" / "generators.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_writes_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The names of files, and what is in some of them."""
    monkeypatch.chdir(tmp_path)
    said, shown = "", 0
    for language, text in BLOCKS:
        if language == "sh":
            said = "".join(run(line, monkeypatch, capsys) for line in text.splitlines())
            continue
        shown += 1
        if language == "text":
            assert said == text
        elif language == "toml":
            assert text in (tmp_path / "shop" / "pyproject.toml").read_text()
        else:
            head, _, body = text.partition("\n")
            assert (tmp_path / "shop" / head.removeprefix("# ")).read_text() == body
    assert shown == 7
    cancels = (tmp_path / "shop" / "shop" / "orders" / "cancel_order.py").read_text()
    assert 'path="/orders/{order_id}/cancel"' in cancels
    looks = re.search(
        r'stream = f"order-\{command.order_id\}"\n    if not await history.events\(stream\):\n.*NotFound', cancels
    )
    assert looks is not None


def run(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command says; it ends well."""
    command, *words = shlex.split(line)
    if command == "cd":
        monkeypatch.chdir(words[0])
        return ""
    monkeypatch.setattr(sys, "argv", [command, *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code, capsys.readouterr().err
    return capsys.readouterr().out


def test_every_generator_and_every_type_is_there() -> None:
    """In the order of the code."""
    assert re.findall(r"^\| `(\w+) \w+` \|", PAGE, re.MULTILINE) == list(new.commands)
    (types,) = re.findall(r"with (`str`[^.]*)\.", PAGE)
    assert re.findall(r"`(\w+)`", types) == list(TYPES)
