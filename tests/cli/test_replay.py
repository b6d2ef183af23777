"""`twofold audit replay`: one command or several, what differs, and the exit code that tells."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from examples._demo.database import Database
from tests.app.wallets import Create, Join, Move, PostBox, PutIn, Write, wallet_app
from tests.cli.conftest import Said

Call = Callable[..., Said]
POST = PostBox()
FIRST, SECOND = "tests.cli.test_replay:first", "tests.cli.test_replay:second"

first = wallet_app("never-opened.db", post=POST)
second = wallet_app("never-opened.db", post=POST, release=2)


@pytest.fixture
def ids(each_database: Database) -> dict[str, UUID]:
    """What was sent, by the name of the message, in a database of each kind."""

    async def keep() -> dict[str, UUID]:
        async with wallet_app(each_database.address) as app:
            caller = app.caller(user_id="\x1b[2Jada", tenant="north", correlation_id="c-1")
            wallet = (await caller.execute(Create(owner="ada"))).unwrap()
            other = (await app.execute(Create(owner="bob"))).unwrap()
            await caller.execute(PutIn(wallet=wallet, amount=5))
            await app.caller(correlation_id="c-2").execute(Move(source=wallet, target=other, amount=9))
            await app.caller(correlation_id="c-2").execute(Move(source=wallet, target=other, amount=4))
            await app.execute(Join(name="ada", phrase="open"))
            with pytest.raises(ZeroDivisionError):
                await app.execute(Join(name="ada", phrase="crash"))
            await app.execute(Write(text="hello"))
            found = [one async for one in app.audit.entries()]
        inner = {str(one.message_id) for one in found}
        return {one.message: one.message_id for one in found if one.causation_id not in inner}

    return asyncio.run(keep())


@pytest.fixture
def replay(twofold: Call, each_database: Database, ids: dict[str, UUID]) -> Call:
    """`twofold audit replay` on that database, with `@` before a message for the id of its last command."""

    def call(target: str, *words: str) -> Said:
        found = [str(ids.get(word.removeprefix("@"))) if word.startswith("@") else word for word in words]
        return twofold("audit", "replay", target, *found, "--database", each_database.address)

    return call


def test_a_command_that_comes_to_the_same_ends_with_0(replay: Call, ids: dict[str, UUID]) -> None:
    """And is told in a few lines, safe for a terminal."""
    said = replay(FIRST, "@put_in")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith(f"put_in {ids['put_in']} by \\x1b[2Jada for north, sent 20")
    assert lines[1:4] == [
        "  on a copy of the log up to position 2",
        "  the rows of 2 tables are as they are now, not as they were then",
        "  success, as then",
    ]
    assert lines[4].startswith("  same     paid_in in wallet-")
    assert lines[5:] == ["  the same as then"]


def test_a_command_that_comes_to_something_else_ends_with_1(replay: Call) -> None:
    """With what is extra, and what has changed in which field."""
    said = replay(SECOND, "@put_in")
    assert said.code == 1
    lines = [line.split(" in ")[0].strip() for line in said.out.splitlines()]
    assert lines[4:] == [
        "extra    bonus",
        '{"owner": "ada"}',
        "changed  paid_in",
        'rule: "first" then, "second" now',
        "not the same as then",
    ]
    found = json.loads(replay(SECOND, "@put_in", "--json").out)
    assert (found["same"], found["then"]["outcome"], found["now"]["outcome"]) == (False, "success", "success")
    assert [one["state"] for one in found["events"]] == ["extra", "changed"]
    assert found["events"][1]["fields"] == [{"path": "rule", "then": "first", "now": "second"}]


def test_a_secret_is_asked_for_and_taken(replay: Call) -> None:
    """As `twofold send` takes it."""
    said = replay(FIRST, "@join")
    assert (said.code, said.out) == (3, "")
    assert "had secrets, which are missing: phrase" in said.err.replace("\n", " ")
    assert "hint: give them with --set phrase=…" in said.err
    said = replay(FIRST, "@join", "--set", "phrase=crash")
    assert (said.code, "  crashed ZeroDivisionError, as then: by nothing" in said.out.splitlines()) == (0, True)
    assert "Traceback" in said.err
    assert "tests/app/wallets.py" in said.err
    said = replay(FIRST, "@join", "--set", "phrase=open")
    assert (said.code, "crashed ZeroDivisionError then, success now" in said.out) == (1, True)
    assert replay(FIRST, "@join", "--set", "phrase=open", "--set", "name=bob").code == 3
    assert "FIELD=VALUE" in replay(FIRST, "@join", "--set", "phrase").err


def test_what_no_class_is_called_any_more_is_told_in_a_line(replay: Call) -> None:
    """And not in a traceback."""
    said = replay("tests.cli.test_audit:app", "@put_in")
    assert (said.code, said.out) == (70, "")
    assert said.err == "twofold: no message is registered as 'put_in'\n"


def test_effects_need_leave(replay: Call) -> None:
    """Which names what would be called."""
    POST.sent.clear()
    said = replay(FIRST, "@write")
    assert (said.code, "--allow Post" in said.err, POST.sent) == (3, True, [])
    assert replay(FIRST, "@write", "--allow", "Post").code == 0
    assert POST.sent == ["hello"]


def test_several_are_replayed_in_their_order(replay: Call) -> None:
    """Those that cannot be are told with the others, and make the exit code; a part comes with its whole."""
    said = replay(FIRST, "--correlation", "c-2")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines() if not line.startswith(" ")] == [
        "put_in",
        "move",
        "put_in",
        "put_in",
        "move",
    ]
    assert said.out.count("the same as then") == 2
    assert said.out.count("not replayed: put_in") == 3
    assert replay(SECOND, "--correlation", "c-2").code == 1
    said = replay(FIRST, "--since", "2020-01-01", "--json")
    found = json.loads(said.out)
    assert (said.code, len(found)) == (3, 11)
    assert [one["refused"]["code"] for one in found if "refused" in one] == [
        *["sent_inside"] * 3,
        *["redacted_fields"] * 2,
        "effects_refused",
    ]
    said = replay(FIRST, "--message", "create", "--limit", "1")
    assert (said.code, said.out.count("the same as then"), "more than 1" in said.err) == (0, 1, True)


def test_that_there_is_nothing_to_replay_is_told(replay: Call) -> None:
    """As a failure, since a word of what was asked for may be wrong; machines are told as JSON, of other errors too."""
    said = replay(FIRST, "--user", "nobody")
    assert (said.code, said.out) == (4, "")
    assert said.err.splitlines()[0] == "twofold: nothing in the audit trail is like that"
    said = replay(FIRST, "--user", "nobody", "--json")
    assert (said.code, said.out, json.loads(said.err)["code"]) == (4, "", "not_found")
    said = replay(FIRST, "@write", "--json")
    assert (said.code, said.out, json.loads(said.err)["code"]) == (3, "", "effects_refused")


def test_what_to_replay_has_to_be_said(
    replay: Call, twofold: Call, each_database: Database, ids: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either one, or which; of which application, a variable may tell."""
    assert replay(FIRST).code == 2
    assert replay(FIRST, "@put_in", "--user", "ada").code == 2
    assert replay(FIRST, "what").code == 2
    assert replay(FIRST, str(UUID(int=1))).code == 4
    monkeypatch.setenv("TWOFOLD_APP", FIRST)
    arguments: list[Any] = ["audit", "replay", "--database", each_database.address]
    assert twofold(*arguments, str(ids["put_in"])).code == 0
    assert twofold(*arguments, "--message", "put_in", "--outcome", "success", "--correlation", "c-1").code == 0
