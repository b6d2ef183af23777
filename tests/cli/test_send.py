"""`twofold send` and `twofold ask`: messages from the shell, through the pipeline that every other door has."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Said
from tests.cli.desk import desk
from twofold import App

Twofold = Callable[..., Said]
DESK = "tests.cli.desk:app"
PEN = ("--lines", '[{"item": "pen"}]')


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """One that a worker has prepared."""
    file = tmp_path / "desk.db"
    with App("desk", modules=[desk], database=file).sync:
        pass
    return file


@pytest.fixture
def door(twofold: Twofold, database: Path) -> Twofold:
    """`twofold send` or `ask` with the application and its database."""

    def call(command: str, *words: str) -> Said:
        return twofold(command, "--database", str(database), DESK, *words)

    return call


def told(said: Said) -> Any:
    """What was said in JSON, of success."""
    assert said.code == 0, said.err
    return json.loads(said.out)


@pytest.mark.parametrize("name", ["take", "Take"])
def test_fields_are_options_of_their_own_kind(door: Twofold, name: str) -> None:
    """Texts stand as they are, numbers and truths are read, what is nested is JSON, a dash is an underscore."""
    number = "0190a3c8-0000-7000-8000-000000000000"
    words = ("--price", "1.10", "--urgent", "--way", "mail", "--order-id", number, *PEN, "--as", "ada", "--json")
    assert told(door("send", name, *words)) == {
        "customer": "'ada'",
        "lines": "(Line(item='pen', quantity=1),)",
        "price": "Decimal('1.10')",
        "urgent": "True",
        "way": "'mail'",
        "order_id": f"UUID('{number}')",
        "tenant": "'none'",
    }


def test_fields_come_as_one_object_too(door: Twofold, monkeypatch: pytest.MonkeyPatch) -> None:
    """From --data or standard input, and beside options; one said twice is refused."""
    data = '{"lines": [], "price": 2.5, "tenant": "acme"}'
    answer = told(door("send", "take", "--data", data, "--as", "ada", "--urgent", "--json"))
    assert (answer["price"], answer["tenant"]) == ("Decimal('2.5')", "'acme'")
    assert answer["urgent"] == "True"
    monkeypatch.setattr("sys.stdin", io.StringIO(data))
    assert told(door("send", "take", "--data", "-", "--as", "ada", "--json"))["tenant"] == "'acme'"
    twice = door("send", "take", "--data", data, "--price", "2", "--as", "ada")
    assert (twice.code, twice.err.splitlines()[1]) == (3, "  price: this is said twice")


@pytest.mark.parametrize("data", ["{", "[1]", '{"how": "a", "how": "b"}', "7"])
def test_what_is_no_object_is_invalid(door: Twofold, data: str) -> None:
    """Code 3, before anything is done."""
    said = door("send", "fail", "--data", data)
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith("twofold: the message is not as it should be [invalid]\n  all of it: ")


def test_every_finding_is_told_by_its_field(door: Twofold) -> None:
    """Deep ones by their path; with --json as one object."""
    words = ("--lines", '[{"item": 3}]', "--price", "-1", "--way", "air", "--as", "ada")
    said = door("send", "take", *words)
    assert (said.code, said.out) == (3, "")
    assert [line.split(":")[0].strip() for line in said.err.splitlines()[1:]] == ["lines.0.item", "price", "way"]
    told = json.loads(door("send", "take", *words, "--json").err)
    assert (told["code"], told["category"]) == ("invalid", "invalid")
    assert [one["field"] for one in told["findings"]] == ["lines.0.item", "price", "way"]


def test_facts_of_the_context_are_filled_and_never_typed(door: Twofold) -> None:
    """By --as; as an option or in --data they are refused, and without anybody the message is."""
    for words in (("--customer", "eve"), ("--data", '{"customer": "eve"}')):
        said = door("send", "take", *words, "--as", "ada")
        assert (said.code, "customer: this is filled by who sends the message" in said.err) == (3, True)
    nobody = door("send", "take", *PEN)
    assert (nobody.code, "hint: say who sends it with --as" in nobody.err) == (6, True)


def test_policies_decide_about_whoever_is_named(door: Twofold) -> None:
    """Nobody, somebody without the role, and somebody with it."""
    assert door("send", "close").code == 6
    assert door("send", "close", "--as", "ada").err == "twofold: close is not allowed [forbidden]\n"
    said = door("send", "close", "--as", "ada", "--role", "clerk", "--role", "boss")
    assert (said.code, said.out) == (0, "done\n")
    assert door("send", "close", "--role", "boss").code == 2


@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize("option, others", [("--as", ()), ("--tenant", ()), ("--role", ("--as", "ada"))])
def test_what_is_blank_is_nobody(door: Twofold, option: str, others: tuple[str, ...], blank: str) -> None:
    """A variable of a script that was never set is a mistake in the script, and no way past a policy."""
    for message in ("close", "fail"):
        said = door("send", message, option, blank, *others)
        assert (said.code, said.out) == (2, "")
        assert f"{option} is blank" in said.err


@pytest.mark.parametrize("how, code", [("exists", 5), ("not found", 4), ("stuck", 75), ("bug", 70), ("", 3)])
def test_the_exit_code_says_what_to_do(door: Twofold, how: str, code: int) -> None:
    """As `exit_of` has it, by the application's own word on errors; no text moves the cursor of a terminal."""
    said = door("send", "fail", "--how", how)
    assert (said.code, said.out) == (code, "")
    assert "\x1b" not in said.err
    assert ("Traceback" in said.err) is (code == 70)


def test_a_command_leaves_what_it_does_through_any_door(door: Twofold, twofold: Twofold, database: Path) -> None:
    """An audit entry of whoever sent it, for their tenant; under a key it is done once and answered the same.

    What could not be read has one too.
    """
    words = ("send", "take", *PEN, "--as", "ada", "--tenant", "acme", "--key", "k", "--json")
    assert told(door(*words)) == told(door(*words))
    again = door("send", "take", "--data", '{"lines": []}', "--as", "ada", "--tenant", "acme", "--key", "k")
    assert (again.code, "[key_conflict]" in again.err) == (5, True)
    assert door("send", "take", "--price", "-1", "--as", "ada", "--tenant", "acme").code == 3
    trail = told(twofold("audit", "list", DESK, "--database", str(database), "--json"))
    assert {(one["message"], one["user_id"], one["tenant"]) for one in trail} == {("take", "ada", "acme")}
    assert {one["source"] for one in trail} == {"shell"}
    assert [one["outcome"] for one in trail] == ["invalid", "conflict", "replayed", "success"]


def test_it_takes_the_message_and_follows_nothing(door: Twofold) -> None:
    """Events wait for a worker, which is another process, or this one with --settle."""
    assert door("send", "take", *PEN, "--as", "ada").code == 0
    assert door("ask", "count_orders").out == "0\n"
    assert door("send", "take", *PEN, "--as", "ada", "--settle").code == 0
    assert door("ask", "count_orders").out == "2\n"


def test_a_database_that_nobody_prepared_is_left_alone(twofold: Twofold, tmp_path: Path) -> None:
    """Unless the one message comes with a worker of its own: 75, as any process with a role."""
    where = ("--database", str(tmp_path / "new.db"), DESK)
    assert twofold("ask", *where, "count_orders").code == 75
    assert not (tmp_path / "new.db").exists()
    assert twofold("send", *where, "fail", "--how", "exists").code == 75
    assert twofold("ask", *where, "count_orders", "--settle").out == "0\n"


def test_answers_are_shown_to_people_and_machines(door: Twofold) -> None:
    """Facts as lines, records as a table, JSON with --json; what is not found is code 4."""
    lines = door("ask", "list_lines").out.splitlines()
    assert [line.split() for line in lines] == [
        *(["total", "2"], ["page", "1"], ["page_size", "20"]),
        *(["items:"], ["item", "quantity"], ["pen", "1"], ["ink", "2"]),
    ]
    assert told(door("ask", "find_line", "--item", "pen", "--json")) == {"item": "pen", "quantity": 1}
    said = door("ask", "find_line", "--item", "ink")
    assert (said.code, said.out, said.err) == (4, "", "twofold: nothing was found [not_found]\n")


def test_machines_read_what_twofold_itself_says(door: Twofold, twofold: Twofold, tmp_path: Path) -> None:
    """A message that there is not, an application that cannot start or be found, a database that nobody prepared."""
    broken = twofold("send", "tests.cli.broken:app", "spoil", "--json")
    unprepared = twofold("ask", "--database", str(tmp_path / "new.db"), DESK, "count_orders", "--json")
    nowhere = twofold("ask", "tests.cli.desk:nothing", "count_orders", "--json")
    said = [door("ask", "count_order", "--json"), broken, unprepared, nowhere]
    facts = [json.loads(one.err) for one in said]
    assert [one.code for one in said] == [4, 2, 75, 2]
    assert [one["category"] for one in facts] == ["not_found", "wiring", "unavailable", "wiring"]
    assert facts[0]["hint"] == "did you mean count_orders?"
    assert (len(facts[1]["faults"]), facts[1]["detail"]) == (3, "broken cannot start: 3 faults")
    assert facts[1]["faults"][0].keys() == {"where", "code", "text", "hint"}
    assert not any(one.out for one in said)


def test_a_near_name_is_offered(door: Twofold) -> None:
    """Of the kind that is asked for; what is of another kind is told to be, and which door it has."""
    said = door("ask", "count_order")
    assert (said.code, said.err.splitlines()[1]) == (4, "  hint: did you mean count_orders?")
    said = door("ask", "take")
    assert said.err.splitlines() == [
        "twofold: desk knows no query called 'take': it is a command",
        "  hint: a command is sent with `twofold send`",
    ]
    assert "is recorded by" in door("send", "taken").err
    assert door("send", "take", "--prize", "1").code == 2


def test_help_shows_the_fields_of_a_message(door: Twofold, twofold: Twofold) -> None:
    """What they are called, take and default to; a field with the name of an option is said in --data."""
    said = door("send", "take", "--help")
    assert said.code == 0
    text = " ".join(said.out.replace("│", " ").split())
    for part in ("Take an order.", "list of Line [required]", "What it costs. [more than 0", "one of mail, desk"):
        assert part in text
    assert "--customer" not in said.out
    assert "In --data alone: tenant." in said.out
    assert "--settle" in twofold("send", "--help").out


@pytest.mark.parametrize("words", [(), ("--how", "x"), (DESK, "fail", "more")])
def test_what_is_missing_is_a_usage_error(twofold: Twofold, words: tuple[str, ...]) -> None:
    """No message, its fields before it, or too many names: code 2."""
    assert twofold("send", *words).code == 2


def test_the_variable_names_the_application(twofold: Twofold, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TWOFOLD_APP stands in for it, and so does --app."""
    words = ("--database", str(database), "count_orders")
    assert twofold("ask", "--app", DESK, *words).out == "0\n"
    monkeypatch.setenv("TWOFOLD_APP", DESK)
    assert twofold("ask", *words).out == "0\n"
