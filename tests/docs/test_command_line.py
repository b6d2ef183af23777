"""The page on the command line: its file is written, its commands run one after the other, and say what it shows."""

import re
from pathlib import Path

from tests.docs.test_parked import matches, run

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
DIAGNOSIS = Path(__file__).parents[2] / "src" / "twofold" / "app" / "diagnosis"
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
STREAM = re.compile(r"message-[0-9a-f-]+@")


def test_the_page_goes_through_its_case_as_printed(tmp_path: Path) -> None:
    """The shop, what is sent and asked, and what the commands that look at it say."""
    (_, application), *rest = BLOCKS
    (tmp_path / "shop.py").write_text(application)
    said = ""
    for language, text in rest:
        if language == "bash":
            continue  # what a start file has
        if language == "text":
            assert matches(STREAM.sub("message-0198…@", said), text), said
        else:
            said = run(language, text, tmp_path)
    assert [language for language, _ in BLOCKS].count("text") == 10


def test_everything_that_a_doctor_warns_of_is_on_the_page() -> None:
    """By its code."""
    text = "".join(file.read_text() for file in DIAGNOSIS.glob("_*.py"))
    codes = {*re.findall(r'warning\([^,\n]+, "(\w+)"', text), "secret_in_address"}  # which routes are warned of
    examining = PAGE.partition("## Examining\n")[2].partition("\n## ")[0]
    table = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", examining, re.MULTILINE)
    assert codes == {*re.findall(r"\w+", " ".join(table))} - {"store_unavailable", "wiring", "master_key_missing"}
