"""The page on time: its file is written, its blocks are run one after the other, and print what the page shows."""

import re
from pathlib import Path

from tests.docs.test_parked import matches, run

PAGE = (Path(__file__).parents[2] / "docs" / "time.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
DIGEST = re.compile(r"[0-9a-f]{64}")


def test_the_page_tells_the_past_as_printed(tmp_path: Path) -> None:
    """The bank, what was there when, a correction, and the end of a stream."""
    (_, application), *rest = BLOCKS
    (tmp_path / "bank.py").write_text(application)
    said = ""
    for language, text in rest:
        if language == "text":
            assert matches(DIGEST.sub("0198…", said), text), said
        else:
            said = run(language, text, tmp_path)
    assert [language for language, _ in BLOCKS].count("text") == 6
