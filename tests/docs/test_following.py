"""The page on what follows the log: its application runs on each database, and prints what the page shows."""

import os
import re
from pathlib import Path

from examples._demo.database import Database
from tests.cli.forked import finished

PAGE = (Path(__file__).parents[2] / "docs" / "following.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_follows_as_printed(each_database: Database, tmp_path: Path) -> None:
    """Reactions, a writer and a view, the same on both databases."""
    (_, application), (_, script), (_, printed) = BLOCKS
    assert application.startswith("# shop.py")
    (tmp_path / "shop.py").write_text(application)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD")}
    environment["TWOFOLD_DATABASE"] = each_database.address
    done = finished("-c", script, where=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed
