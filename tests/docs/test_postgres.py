"""The page on PostgreSQL: its script brings a log there, and its settings are those that there are."""

import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from examples._demo.database import PostgresSchema
from tests.cli.shop import CountSales, Sell, shop
from tests.docs.test_example_pages import parsed
from twofold import App, Success
from twofold.cli._main import commands as twofold
from twofold.drivers.postgres import PostgresStore

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "postgres.md").read_text()
(SCRIPT,) = re.findall(r"^```python\n(# move\.py\n.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.anyio
async def test_the_log_of_a_file_goes_along(tmp_path: Path, postgres_schema: PostgresSchema) -> None:
    """Events keep what they are, projections show them, and reactions do nothing again."""
    file = tmp_path / "shop.db"
    async with App("shop", modules=[shop], database=file) as old:
        for _ in range(3):
            assert (await old.execute(Sell(item="pen"))).is_success
        await old.settle()
        before = await old.store.log.read(0, until=9, limit=9)
    (tmp_path / "move.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "move.py"), str(file), postgres_schema.address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: ASYNC221  # nothing else runs
    assert (done.stdout, done.stderr) == (f"{len(before)} events\n", "")
    async with App("shop", modules=[shop], database=postgres_schema.address) as new:
        assert await new.caller(wait=30).execute(CountSales()) in (Success(0), Success(3))
        await new.settle()
        assert await new.execute(CountSales()) == Success(3)
        assert await new.store.log.read(0, until=9, limit=9) == before


def test_the_settings_of_the_address_are_those_of_the_store() -> None:
    """Each with the value that it has when it is not said."""
    told = re.findall(r"^\| `\?(\w+)=\w+` \|.*\| `?(\w+)`? \|$", PAGE, re.MULTILINE)
    known = inspect.signature(PostgresStore).parameters
    assert {name for name, _ in told} == known.keys() - {"url", "migrate", "read_only", "replicas", "ordering"}
    defaults = {name: str(known[name].default).removesuffix(".0").replace("False", "off") for name, _ in told}
    assert defaults == dict(told)


@pytest.mark.anyio
async def test_the_ordering_of_the_address_is_there(postgres_schema: PostgresSchema) -> None:
    """As the page has it: in the address of a new log, and as a statement for one that is there."""
    (ordering,) = re.findall(r"database\?(ordering=\w+)'", PAGE)
    (statement,) = re.findall(r"`SELECT (twofold_order\('\w+'\))`", PAGE)
    async with App("shop", modules=[shop], database=f"{postgres_schema.address}&{ordering}"):
        assert [tuple(row) for row in await postgres_schema.rows("SELECT twofold_strict()")] == [(True,)]
        await postgres_schema.rows("SELECT twofold_order('floor')")
        await postgres_schema.rows(f"SELECT {statement}")
        assert [tuple(row) for row in await postgres_schema.rows("SELECT twofold_strict()")] == [(True,)]


def test_what_is_typed_is_there() -> None:
    """Each command takes what the page types; no address of the page is asked for anything."""
    lines = [
        line
        for block in re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    ]
    commands = [shlex.split(line) for line in lines]
    assert [words[:2] for words in commands] == [["pip", "install"], ["twofold", "run"], ["twofold", "run"]]
    for words in commands[1:]:
        parsed(twofold, words[1:])
    extras = re.findall(r"\w+", commands[0][2].removeprefix("twofold"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {*extras} <= project["optional-dependencies"].keys()
