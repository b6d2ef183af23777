"""`twofold run --reload`: what was changed is served, a mistake is waited out, and a signal ends all of it."""

from pathlib import Path

import httpx

from tests.cli.served import Served, wait_until

APP = """
from dataclasses import dataclass
from twofold import App, Module, Query

@dataclass(frozen=True)
class Say(Query[str]):
    pass

module = Module("words")

@module.handler
async def say(query: Say) -> str:
    return "{word}"

app = App("words", modules=[module])
"""


def test_what_was_changed_is_served_on_the_same_port(tmp_path: Path) -> None:
    """Each time anew; with a mistake in it nothing is served until it is mended, and a signal leaves no process."""
    code = tmp_path / "code"
    code.mkdir()
    file = code / "words.py"
    file.write_text(APP.format(word="one"))
    (code / ".hidden").mkdir()

    def says(word: str) -> bool:
        try:
            return bool(served.get("/queries/say").json() == word)
        except httpx.TransportError:
            return False

    with Served("words:app", "--reload", "--database", "words.db", folder=tmp_path, where=code, forked=False) as served:
        try:
            wait_until(lambda: says("one"), "it serves what is there")
            (code / ".hidden" / "other.py").write_text("")
            file.write_text("a mistake")
            wait_until(lambda: "begins anew with the next change" in served.errors, "the mistake is told")
            assert "SyntaxError" in served.errors
            file.write_text(APP.format(word="two"))
            wait_until(lambda: says("two"), "it serves what was changed")
            assert "twofold: words.py has changed, beginning anew" in served.output
            assert ".hidden" not in served.output
        finally:
            served.signal()  # a kill would leave the process that serves
            assert served.ended() == 0
        assert not served.accepts()
