"""Python that generators put together, however long its names are."""

import subprocess
import sys

import pytest

from twofold.cli.new._source import call, imports, mapping, signature

LONG = "a_name_of_thirty_letters_in_it"


@pytest.mark.parametrize("count", range(1, 8))
def test_it_needs_no_formatter(count: int) -> None:
    """A call, a signature, a mapping and imports stay as they are when they are formatted, few or many as they are."""
    names = [f"{LONG}{number}" for number in range(count)]
    text = "\n".join(
        [
            imports([(f"package.{LONG}", name.upper()) for name in names], "package"),
            "",
            mapping("SENT", dict.fromkeys(names, '"text"')),
            "",
            "",
            signature(f"def {LONG}", [f"{name}: int" for name in names], "None"),
            f"    value = {call(LONG, [f'{name}={name}' for name in names], 4)}",
            f"    {call(LONG, [call(LONG, names, 8)], 4)}",
            "    return value",
            "",
        ]
    )
    words = [sys.executable, "-m", "ruff", "format", "--line-length", "120", "--no-cache", "--isolated", "-"]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=True)
    assert done.stdout == text


def test_imports_stand_in_their_groups() -> None:
    """The standard library, others, and the project's own; each module once, constants before classes."""
    needed = [
        ("twofold", "Query"),
        ("shop.app", "app"),
        ("datetime", "datetime"),
        ("datetime", "UTC"),
        ("twofold", "Query"),
        ("pytest", ""),
        ("shop", "x"),
    ]
    assert imports(needed, "shop").splitlines() == [
        "from datetime import UTC, datetime",
        "",
        "import pytest",
        "from twofold import Query",
        "",
        "from shop import x",
        "from shop.app import app",
    ]
