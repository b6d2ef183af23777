"""The page on replaying commands: its blocks, run one after the other, print what the page shows."""

import re
from pathlib import Path

from tests.docs.test_parked import matches, run

PAGE = (Path(__file__).parents[2] / "docs" / "replay.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# (\w+\.py)\n")
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_the_page_goes_through_the_case_as_printed(tmp_path: Path) -> None:
    """The application, what happens to it, and every command with what it says."""
    said = ""
    for language, text in BLOCKS:
        file = FILE.match(text)
        if language == "text":
            assert matches(ID.sub("0198…", said), text), said
        elif file is not None:
            (tmp_path / file[1]).write_text(text)
        else:
            said = run(language, text, tmp_path)
    assert [language for language, _ in BLOCKS].count("text") == 4
