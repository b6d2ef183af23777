"""The page on changing events: its application is changed as it says, and every command prints what it shows."""

import os
import re
import shlex
from pathlib import Path

from tests.cli.forked import finished

PAGE = (Path(__file__).parents[2] / "docs" / "evolution.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
PIECE = re.compile(r"^(?:@.*\n)*(?:class|def|async def) (\w+)(?:.*\n)(?:(?:[ )].*)?\n)*", re.MULTILINE)


def test_the_page_goes_on_as_printed(tmp_path: Path) -> None:
    """The application, its changes one after the other, and what is said in between."""
    file, said = tmp_path / "club.py", ""
    for language, text in BLOCKS:
        if language == "text":
            assert said == text
        elif text.startswith("# club.py, with these instead"):
            file.write_text(changed(file.read_text(), text))
        elif text.startswith("# club.py"):
            file.write_text(text)
        else:
            said = run(language, text, tmp_path)
    assert [language for language, _ in BLOCKS].count("text") == 6


def changed(application: str, block: str) -> str:
    """An application in which the classes and functions of a block have taken the place of those of the same names."""
    pieces = {found[1]: found[0] for found in PIECE.finditer(block)}
    rest = PIECE.sub("", block)
    kept = PIECE.sub(lambda found: pieces.pop(found[1], found[0]), application)
    body, app = kept.split("\n\napp = App(")
    imports = "".join(line + "\n" for line in rest.splitlines() if "import" in line)
    others = "".join(line + "\n" for line in rest.splitlines() if line and "import" not in line)
    return imports + body + "\n\n" + "\n\n".join(pieces.values()) + others + "\n\napp = App(" + app


def run(language: str, text: str, folder: Path) -> str:
    """What a script or a command says, on either stream."""
    words = ["-c", text] if language == "python" else ["-m", *shlex.split(text)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD")}
    done = finished(*words, where=folder, env=environment)
    return done.stdout + done.stderr
