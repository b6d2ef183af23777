"""Every code block of every page is gone through by the test of the page, or by one that is named here."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*/README.md")])
STEPS = ("python", "sh", "text")
"""What the test of a page does, runs and compares, one after the other."""
ELSEWHERE: dict[tuple[str, str], str] = {
    ("README.md", "python"): "tests/docs/test_readme.py::test_the_application_runs_from_python_as_printed",
    ("README.md", "sh"): "tests/docs/test_readme.py::test_every_make_target_is_there",
    ("README.md", "text"): "tests/docs/test_readme.py::test_the_application_is_served_as_printed",
    ("docs/architecture.md", "text"): (
        "tests/docs/test_pages.py::test_the_floors_of_the_structure_are_those_that_are_checked"
    ),
    ("docs/coming-from", "python"): "tests/docs/test_coming_from.py::test_the_code_runs_as_printed",
    ("docs/coming-from", "text"): "tests/docs/test_coming_from.py::test_the_code_runs_as_printed",
    ("docs/command-line.md", "bash"): "tests/cli/test_completion.py::test_bash_completes_behind_the_line_of_the_page",
    ("docs/deprecation.md", "python"): "tests/docs/test_deprecation.py::test_the_warning_is_as_printed",
    ("docs/deprecation.md", "text"): "tests/docs/test_deprecation.py::test_the_warning_is_as_printed",
    ("docs/generators.md", "toml"): "tests/docs/test_generators.py::test_the_page_writes_what_it_shows",
    ("docs/http.md", "python"): "tests/docs/test_http.py::test_two_people_change_one_thing_as_printed",
    ("docs/moving.md", "python"): "tests/examples/test_moving.py::test_the_page_shows_what_runs",
    ("docs/postgres.md", "python"): "tests/docs/test_postgres.py::test_the_log_of_a_file_goes_along",
    ("docs/postgres.md", "text"): "tests/docs/test_postgres.py::test_what_is_typed_is_there",
    ("docs/reference.md", "python"): "tests/docs/test_reference.py::test_the_blocks_work_as_printed",
    ("docs/reference.md", "sh"): "tests/docs/test_reference.py::test_what_is_typed_is_there",
    ("docs/schema.md", "sql"): "tests/drivers/postgres/test_rights.py::test_it_may_change_no_table",
    ("examples/", "sh"): "tests/docs/test_example_pages.py::test_what_is_typed_is_done",
}
"""By the page, or how it begins, and the language: the test that reads these blocks."""
DRAWN = {("docs/http.md", "text"): "requests beside their answers, shortened; tests/docs/test_http.py sends them"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_is_gone_through(page: Path) -> None:
    """Each says its language; those that are steps are all among the `BLOCKS` of the test of the page."""
    text, name = page.read_text(), page.relative_to(ROOT).as_posix()
    blocks: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(re.findall(r"^ *```", text, re.MULTILINE)) == 2 * len(blocks), "a block without a language"
    own = ROOT / "tests" / "docs" / f"test_{page.stem.replace('-', '_')}.py"
    steps = getattr(import_module(f"tests.docs.{own.stem}"), "BLOCKS", []) if own.exists() else []
    left = {language for language, block in blocks if language not in STEPS or (language, block) not in steps}
    assert {language for language in left if not read_elsewhere(name, language)} == set()
    assert len(steps) in (0, len(blocks))


def read_elsewhere(page: str, language: str) -> bool:
    """Whether something else is said of these blocks of a page."""
    return any(page.startswith(begin) and language == one for begin, one in (*ELSEWHERE, *DRAWN))


@pytest.mark.parametrize("where, test", ELSEWHERE.items(), ids=[" ".join(where) for where in ELSEWHERE])
def test_what_is_read_elsewhere_is_read_there(where: tuple[str, str], test: str) -> None:
    """The page has such blocks, and the test is there and names it."""
    begin, language = where
    pages = [page for page in PAGES if page.relative_to(ROOT).as_posix().startswith(begin)]
    assert any(f"\n```{language}\n" in page.read_text() for page in pages)
    path, _, name = test.partition("::")
    text = (ROOT / path).read_text()
    assert f"def {name}(" in text
    assert Path(begin).stem.partition(".")[0] in text
