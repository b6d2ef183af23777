"""`twofold parked`: what has failed is listed, shown, edited, tried again and dropped, and nothing runs meanwhile."""

import asyncio
import io
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.app.apart import Pay, Till
from tests.cli.conftest import Said
from tests.cli.depot import depot
from tests.cli.mail import Post, delivered, mail
from tests.messaging.buying import message
from twofold.app import App
from twofold.messaging import MemoryBroker

Twofold = Callable[..., Said]
Parked = Callable[..., Said]
MAIL = "tests.cli.mail:app"
DELIVER = "mail.deliver:letter_posted"


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database where two of three boxes hold a letter that cannot be delivered, one of them with others behind it."""
    file = tmp_path_factory.mktemp("mail") / "mail.db"
    with App("mail", modules=[mail], database=file).sync as office:
        office.execute(Post(box="box-1", addresses=("Main 1", "\x1b[2J\u202eMain", "Main 3", "Main 4")))
        office.execute(Post(box="box-\n2", addresses=("?",)))
        office.execute(Post(box="box-3", addresses=("Main 6",)))
        office.settle()
    return file


@pytest.fixture
def database(failed: Path, tmp_path: Path) -> Path:
    """A copy of it for each test."""
    return Path(shutil.copy(failed, tmp_path / "mail.db"))


@pytest.fixture
def parked(twofold: Twofold, database: Path) -> Parked:
    """`twofold parked` with the application and its database."""

    def call(command: str, *arguments: str) -> Said:
        return twofold("parked", command, MAIL, *arguments, "--database", str(database))

    return call


def positions(said: Said) -> list[int]:
    """The positions of a list in JSON."""
    return [one["position"] for one in json.loads(said.out)]


def delivered_by_a_run_on(database: Path) -> Sequence[str]:
    """What a run of the application delivers until nothing is left to do."""
    delivered.clear()
    with App("mail", modules=[mail], database=database).sync as office:
        office.execute(Post(box="box-9", addresses=("Main last",)))
        office.settle()
    return delivered


def test_a_row_tells_of_a_stream(parked: Parked) -> None:
    """Whose, which, the first of its parked events, how many there are, since when, and what the first failed with."""
    said = parked("list")
    head, *rows = [line.split("  ") for line in said.out.splitlines()]
    cells = [[cell.strip() for cell in row if cell] for row in rows]
    assert " ".join(head).split() == ["subscription", "stream", "position", "parked", "since", "cause"]
    assert [(*row[:4], row[5]) for row in cells] == [
        (DELIVER, "box-1", "2", "3", r"UnreadableAddress: \x1b[2J\u202eMain"),
        (DELIVER, r"box-\n2", "5", "1", "UnreadableAddress: ?"),
    ]
    events = json.loads(parked("list", "--events", "--json").out)
    streams = json.loads(parked("list", "--json").out)
    assert [(one["position"], one["parked"], one["since"], one["cause"], one["due"]) for one in streams] == [
        (first["position"], count, first["since"], first["cause"], False)
        for first, count in ((events[0], 3), (events[3], 1))
    ]


def test_a_stream_whose_first_event_was_dropped_waits_to_be_tried_again(parked: Parked) -> None:
    """The next one is the first now, and nothing has failed with it."""
    parked("drop", DELIVER, "2", "--yes")
    row = parked("list", "--stream", "box-1").out.splitlines()[1]
    assert row.split()[2:4] == ["3", "2"]
    assert row.endswith("waits to be tried again")


def test_what_has_failed_is_listed_with_what_waits_behind_it(parked: Parked) -> None:
    """One line each: whose, where, the cause, how often it was tried; text from outside cannot move the cursor."""
    said = parked("list", "--events")
    head, *rows = [line.split() for line in said.out.splitlines()]
    assert head == ["subscription", "position", "stream", "type", "cause", "attempts", "since"]
    assert [row[:4] for row in rows] == [
        [DELIVER, "2", "box-1", "letter_posted"],
        [DELIVER, "3", "box-1", "letter_posted"],
        [DELIVER, "4", "box-1", "letter_posted"],
        [DELIVER, "5", r"box-\n2", "letter_posted"],
    ]
    assert rows[0][4:7] == ["UnreadableAddress:", r"\x1b[2J\u202eMain", "5"]
    assert rows[1][4:8] == ["waits", "behind", "another", "0"]
    assert said.code == 0


def test_the_list_can_be_narrowed(parked: Parked) -> None:
    """By subscription, by stream and by a limit, which says that there is more."""
    assert positions(parked("list", "--events", "--json")) == [2, 3, 4, 5]
    assert positions(parked("list", "--events", "--json", "--stream", "box-\n2")) == [5]
    assert positions(parked("list", "--events", "--json", "--subscription", "another")) == []
    limited = parked("list", "--events", "--json", "--limit", "3")
    assert positions(limited) == [2, 3, 4]
    assert "more than 3" in limited.err
    streams = parked("list", "--limit", "1")
    assert (len(streams.out.splitlines()), "more than 1" in streams.err) == (2, True)
    assert len(json.loads(parked("list", "--json", "--stream", "box-1").out)) == 1
    assert parked("list", "--subscription", "another").out == "nothing is parked\n"


def test_a_terminal_gets_a_table(parked: Parked, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same cells."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    out = parked("list").out
    assert "│" in out
    assert "\x1b[2J" not in out


def test_one_is_shown_whole(parked: Parked) -> None:
    """Its data, its headers, its cause, and where it failed; escaped for people, exact for machines."""
    said = parked("show", DELIVER, "2")
    for told in ('"address": "\\u001b[2J', "correlation_id", "cause\n  UnreadableAddress", 'mail.py", line', "deliver"):
        assert told in said.out
    assert not {"\x1b", "\u202e"} & set(said.out)
    shown = json.loads(parked("show", DELIVER, "2", "--json").out)
    assert shown["data"] == shown["log"]["data"] == {"address": "\x1b[2J\u202eMain"}
    assert (shown["log"]["version"], shown["edited"], shown["due"]) == (2, False, False)
    assert "UnreadableAddress" in shown["trace"]


def test_what_only_waits_says_so(parked: Parked) -> None:
    """It has no cause and no trace of its own."""
    out = parked("show", DELIVER, "3").out
    assert "waits behind another" in out
    assert "stack trace" not in out


def test_an_edit_is_what_is_read_and_the_log_stays(parked: Parked, database: Path) -> None:
    """Shown beside what the log has; once it is tried again the stream goes on, in order."""
    assert parked("edit", DELIVER, "2", "--data", '{"address": "Main 2"}').code == 0
    shown = json.loads(parked("show", DELIVER, "2", "--json").out)
    assert (shown["data"], shown["edited"]) == ({"address": "Main 2"}, True)
    assert shown["log"]["data"] == {"address": "\x1b[2J\u202eMain"}
    out = parked("show", DELIVER, "2").out
    assert out.index("as it was edited") < out.index("Main 2") < out.index("in the log")
    assert parked("retry", DELIVER, "box-1").out.startswith("3 events")
    assert "to be tried again" in parked("show", DELIVER, "2").out
    assert delivered_by_a_run_on(database) == ["Main 2", "Main 3", "Main 4", "Main last"]
    assert positions(parked("list", "--events", "--json")) == [5]


def test_an_edit_comes_from_a_file_or_the_input_too(
    parked: Parked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`@file` and `-`; a file that is not there is a usage error."""
    (tmp_path / "letter.json").write_text('{"address": "Main 2"}')
    assert parked("edit", DELIVER, "2", "--data", f"@{tmp_path / 'letter.json'}").code == 0
    monkeypatch.setattr("sys.stdin", io.StringIO('{"address": "Main 5"}'))
    assert parked("edit", DELIVER, "5", "--data", "-").code == 0
    shown: list[Any] = [json.loads(parked("show", DELIVER, one, "--json").out)["data"] for one in ("2", "5")]
    assert shown == [{"address": "Main 2"}, {"address": "Main 5"}]
    assert parked("edit", DELIVER, "2", "--data", "@nowhere").code == 2


@pytest.mark.parametrize("data", ["{}", '{"address": 7}', "Main 2", "[]"])
def test_an_edit_has_to_fit_the_event(parked: Parked, data: str) -> None:
    """What its class would not take is refused with 3 and stored nowhere."""
    assert parked("edit", DELIVER, "2", "--data", data).code == 3
    assert json.loads(parked("show", DELIVER, "2", "--json").out)["edited"] is False


def test_everything_of_a_subscription_is_tried_again_at_once(parked: Parked, database: Path) -> None:
    """What still fails is parked again, with one more attempt."""
    assert parked("retry", DELIVER, "--all", "--yes").out.startswith("4 events")
    assert delivered_by_a_run_on(database) == ["Main last"]
    assert [one["attempts"] for one in json.loads(parked("list", "--events", "--json").out)] == [6, 0, 0, 6]


def test_a_dropped_event_is_never_handled_and_tells_what_waits(parked: Parked, database: Path) -> None:
    """The rest of its stream waits until it is asked for."""
    said = parked("drop", DELIVER, "2", "--yes")
    assert said.code == 0
    assert "of stream box-1 2 events" in said.out
    assert positions(parked("list", "--events", "--json")) == [3, 4, 5]
    parked("retry", DELIVER, "box-1")
    assert "nothing more" in parked("drop", DELIVER, "5", "--yes").out
    assert delivered_by_a_run_on(database) == ["Main 3", "Main 4", "Main last"]
    assert positions(parked("list", "--events", "--json")) == []


@pytest.mark.parametrize("answer, left", [("y\n", [3, 4, 5]), ("n\n", [2, 3, 4, 5]), ("", [2, 3, 4, 5])])
def test_dropping_is_asked_for(parked: Parked, monkeypatch: pytest.MonkeyPatch, answer: str, left: list[int]) -> None:
    """Without a yes nothing is dropped."""
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert parked("drop", DELIVER, "2").code == int(len(left) == 4)
    assert positions(parked("list", "--events", "--json")) == left


@pytest.mark.parametrize(
    "command",
    [
        ("show", DELIVER, "1"),
        ("edit", DELIVER, "1", "--data", "{}"),
        ("retry", DELIVER, "box-3"),
        ("retry", "nobody", "--all", "--yes"),
        ("drop", DELIVER, "1", "--yes"),
    ],
    ids=lambda command: command[0],
)
def test_what_is_not_parked_is_not_found(parked: Parked, command: tuple[str, ...]) -> None:
    """With 4, and where to look."""
    said = parked(*command)
    assert (said.code, said.out) == (4, "")
    assert "has not parked" in said.err
    assert "twofold parked list" in said.err


@pytest.mark.parametrize(
    "command",
    [("show", DELIVER), ("show", DELIVER, "two"), ("retry", DELIVER), ("retry", "--all"), ("show", "a", "1", "b")],
)
def test_too_few_words_and_too_many_are_a_usage_error(parked: Parked, command: tuple[str, ...]) -> None:
    """With 2."""
    assert parked(*command).code == 2


def test_the_variable_names_the_application(twofold: Twofold, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TWOFOLD_APP stands in for the argument, whatever follows it."""
    monkeypatch.setenv("TWOFOLD_APP", MAIL)
    where = ("--database", str(database))
    assert "box-1" in twofold("parked", "list", *where).out
    assert "box-1" in twofold("parked", "show", DELIVER, "2", *where).out
    assert twofold("parked", "retry", DELIVER, "--all", "--yes", *where).code == 0


def test_both_databases_are_looked_into(twofold: Twofold, tmp_path: Path) -> None:
    """What a projection has parked is in the read database, what a reaction has in the other."""
    write, read = tmp_path / "till.db", tmp_path / "read.db"
    with Till(fails=True).app(write, read).sync as app:
        app.execute(Pay(payer="ada", amount=-1))
        app.settle(timeout=30)
    where = ("--database", str(write), "--read-database", str(read))
    till = "tests.app.apart:app"
    assert len(twofold("parked", "list", till, *where).out.splitlines()) == 3
    listed = json.loads(twofold("parked", "list", till, "--events", "--json", *where).out)
    assert [one["subscription"] for one in listed] == ["payments", "till.thank:paid"]
    assert "ValueError" in twofold("parked", "show", till, "payments", "1", *where).out
    assert twofold("parked", "drop", till, "payments", "1", "--yes", *where).code == 0
    assert positions(twofold("parked", "list", till, "--json", *where)) == [1]


def test_an_unsound_application_is_not_opened(twofold: Twofold, tmp_path: Path) -> None:
    """Its faults are listed, and no file is made."""
    said = twofold("parked", "list", "tests.cli.broken:app", "--database", str(tmp_path / "broken.db"))
    assert said.code == 2
    assert "cannot start" in said.err
    assert not (tmp_path / "broken.db").exists()


def test_a_message_of_another_service_is_edited_to_one_that_can_be_read(twofold: Twofold, tmp_path: Path) -> None:
    """As an event of the log is; the command line needs no broker for that."""
    file, broker = tmp_path / "depot.db", MemoryBroker()
    with App("depot", modules=[depot], database=file, broker=broker).sync as working:
        asyncio.run(broker.publish([message(data=b"x")._replace(subject="orders.stock_ordered")]))
        working.settle()
    words = ("parked", "edit", "tests.cli.depot:app", "inbox:orders", "1", "--database", str(file), "--data")
    said = twofold(*words, '{"a": 1}')
    assert (said.code, said.err.splitlines()[0]) == (
        3,
        "twofold: a message cannot be read: it is no CloudEvent 1.0: it has no such specversion",
    )
    document = {"specversion": "1.0", "id": "i", "source": "/s", "type": "stock_ordered", "data": {"stock_id": "s"}}
    assert twofold(*words, json.dumps(document)).code == 0


def test_a_retry_without_a_stream_is_told_of_all(twofold: Callable[..., Said]) -> None:
    """The one word that may stand in its place."""
    said = twofold("parked", "retry", "tests.cli.mail:app", "depots")
    assert said.code == 2
    assert "SUBSCRIPTION STREAM (or --all), not" in said.err
