"""What a change of an event means for what the log has of it: told from the snapshot of how it was."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AfterValidator, AliasChoices, AwareDatetime, BaseModel, Field, create_model

from twofold import App, Erased, Event, Module, Personal, Subject, event
from twofold.app.evolution import Change, Form, Snapshot, Verdict, compare, read_log, snapshot, stored_forms
from twofold.clock import SystemClock, new_id
from twofold.errors import StartError, WiringError
from twofold.store import Append, Batch, Draft

pytestmark = pytest.mark.anyio


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class OtherColour(StrEnum):
    RED = "red"
    GREEN = "green"


class Line(BaseModel):
    item: str
    parts: "list[Line]" = []


class LineWithPrice(BaseModel):
    item: str
    price: Decimal = Decimal(0)
    parts: "list[LineWithPrice]" = []


class PricedLine(BaseModel):
    item: str
    price: Decimal
    parts: "list[PricedLine]" = []


def app_of(*events: type, module: Module | None = None) -> App:
    """An application with these events."""
    module = module or Module("shop")
    module.events(*events)
    return App("shop", modules=[module], database="memory:")


def placed(version: int = 1, /, **fields: Any) -> type[Event]:
    """The event, with some fields."""
    made: Any = create_model("Placed", __base__=(BaseModel, Event), **fields)
    return event(name="placed", version=version)(made)


def changes(before: type, after: type, module: Module | None = None) -> list[Change]:
    """What a check tells once one class has taken the place of another."""
    known = Snapshot.parse(str(snapshot(app_of(before))))
    return compare(app_of(after, module=module), known)


def capital(text: str) -> str:
    """A rule that no schema tells."""
    if not text[:1].isalpha():
        raise ValueError(text)
    return text


def failing(_: str) -> str:
    """A rule that was not written for what it meets."""
    raise ZeroDivisionError


SOUND: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("nothing", {"a": int}, {"a": int}, []),
    ("the order of fields", {"a": int, "b": str}, {"b": str, "a": int}, []),
    ("a field with a default", {"a": int}, {"a": int, "b": (str, "x")}, ["b: is new, with a default"]),
    ("a field that is left out", {"a": int, "b": str}, {"a": int}, ["b: is not read any more"]),
    ("a field that may be missing", {"a": int}, {"a": (int, 1)}, []),
    ("a field that may be nothing", {"a": int}, {"a": int | None}, []),
    ("a wider number", {"a": int}, {"a": float}, []),
    ("a wider limit", {"a": Annotated[str, Field(max_length=5)]}, {"a": Annotated[str, Field(max_length=9)]}, []),
    ("no limit", {"a": Annotated[int, Field(ge=5)]}, {"a": int}, []),
    ("one more choice", {"a": Literal["x"]}, {"a": Literal["x", "y"]}, []),
    ("anything", {"a": dict[str, int]}, {"a": Any}, []),
    ("more decimal places", {"a": Annotated[Decimal, Field(decimal_places=2)]}, {"a": Decimal | None}, []),
    ("wider keys", {"a": dict[int, int]}, {"a": dict[str, int]}, []),
    ("any time zone", {"a": AwareDatetime}, {"a": datetime}, []),
    (
        "the same rules",
        {"a": Annotated[str, AfterValidator(capital)]},
        {"a": Annotated[str, AfterValidator(capital)]},
        [],
    ),
    (
        "another name for a field",
        {"amount": Decimal},
        {"total": Annotated[Decimal, Field(validation_alias=AliasChoices("total", "amount"))]},
        ["amount: is read under another name"],
    ),
    (
        "a default inside of a type that holds itself",
        {"lines": list[Line]},
        {"lines": list[LineWithPrice]},
        ["lines[].price: is new, with a default"],
    ),
]


@pytest.mark.parametrize("before, after, told", [row[1:] for row in SOUND], ids=[row[0] for row in SOUND])
def test_what_is_compatible(before: dict[str, Any], after: dict[str, Any], told: list[str]) -> None:
    """What was recorded is read as it is; what a reader may wonder about is told."""
    found = changes(placed(**before), placed(**after))
    assert [one.text for one in found] == told
    assert {one.verdict for one in found} <= {Verdict.COMPATIBLE}


UNSOUND: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("a field without a default", {"a": int}, {"a": int, "b": str}, "an example is not read: .*b: Field required"),
    ("no default any more", {"a": (int, 1)}, {"a": int}, "a: has no default any more"),
    ("another type", {"a": str}, {"a": int}, "an example is not read: .*a: Input should be a valid integer"),
    ("another name", {"amount": Decimal}, {"total": Decimal}, "an example is not read: .*total: Field required"),
    ("a choice less", {"a": Colour}, {"a": OtherColour}, "a: no longer takes 'blue'"),
    ("not nothing any more", {"a": int | None}, {"a": int}, "a: no longer takes null"),
    ("a tighter limit", {"a": str}, {"a": Annotated[str, Field(max_length=9)]}, "a: has the limit maxLength 9"),
    ("a pattern", {"a": str}, {"a": Annotated[str, Field(pattern="^t")]}, r"a: has the limit pattern \^t"),
    ("a narrower number", {"a": float}, {"a": int}, "a: was number, and is integer"),
    ("a text that must be an id", {"a": str | UUID}, {"a": UUID}, "an example is not read|a: no longer takes string"),
    ("fewer elements", {"a": tuple[int, int]}, {"a": tuple[int]}, "an example is not read"),
    ("other elements", {"a": dict[str, Any]}, {"a": dict[str, int]}, r"a\[\]: was anything, and is integer"),
    ("anything less", {"a": Any}, {"a": int | None}, "a: no longer takes anything"),
    ("fewer decimal places", {"a": Decimal}, {"a": Annotated[Decimal, Field(decimal_places=2)]}, "x-decimal-places 2"),
    (
        "a limit of decimals",
        {"a": Decimal},
        {"a": Annotated[Decimal, Field(ge=0)]},
        "a: has the limit minimum 0, which is new",
    ),
    ("other keys", {"a": dict[str, int]}, {"a": dict[int, int]}, r"not read|a\[\] key: was string, and is integer"),
    ("a time zone", {"a": datetime}, {"a": AwareDatetime}, "a: has the limit x-tz-constraint aware, which is new"),
    (
        "a validator",
        {"a": str},
        {"a": Annotated[str, AfterValidator(capital)]},
        "a: is checked by capital, which is new",
    ),
    ("one that fails", {"a": str}, {"a": Annotated[str, AfterValidator(failing)]}, "not read.*ZeroDivisionError"),
    ("a field inside of a type that holds itself", {"a": list[Line]}, {"a": list[PricedLine]}, "price: Field required"),
]


@pytest.mark.parametrize("before, after, told", [row[1:] for row in UNSOUND], ids=[row[0] for row in UNSOUND])
def test_what_needs_an_upcaster(before: dict[str, Any], after: dict[str, Any], told: str) -> None:
    """What was recorded may not be read; the hint says what to write, and doing it mends it."""
    found = [one for one in changes(placed(**before), placed(**after)) if one.verdict is not Verdict.COMPATIBLE]
    assert {one.verdict for one in found} == {Verdict.NEEDS_UPCASTER}
    assert re.search(told, "; ".join(one.text for one in found))
    assert found[0].hint.startswith("give the class version 2, and say what this one becomes: upcast('placed', 1)")


def upcasting(change: Any, *, version: int = 1) -> Module:
    """A module that says what an older version becomes."""
    module = Module("shop")
    module.upcast("placed", version, change)
    return module


def test_with_an_upcaster_it_is_compatible() -> None:
    """The examples of the older version are read by it; only that the snapshot lacks the newer one is told."""
    module = upcasting(lambda data: {"total": data["amount"]})
    (told,) = changes(placed(amount=Decimal), placed(2, total=Decimal), module)
    assert (told.version, told.verdict, told.text) == (2, Verdict.COMPATIBLE, "is not in the snapshot")


def test_an_upcaster_that_does_not_fit_is_told() -> None:
    """By running it on the examples, before any event does."""
    module = upcasting(lambda data: {"total": data["amonut"]})
    found = changes(placed(amount=Decimal), placed(2, total=Decimal), module)[0]
    assert (found.version, found.verdict, found.hint) == (1, Verdict.NEEDS_UPCASTER, "mend its upcaster")
    assert "KeyError: 'amonut'" in found.text


def test_a_version_without_an_upcaster_must_fit_as_it_is() -> None:
    """The number alone changes nothing."""
    assert len(changes(placed(a=int), placed(2, a=int, b=(str, "x")))) == 1
    found = changes(placed(a=Colour), placed(2, a=OtherColour))[0]
    assert (found.version, found.verdict) == (1, Verdict.NEEDS_UPCASTER)
    assert found.hint.startswith("say what it becomes: upcast('placed', 1)")


def test_what_is_said_of_an_event_is_no_change_of_it() -> None:
    """A docstring that is new or another one stands in its schema, and in nothing that was recorded."""
    told: Any = placed(a=int)
    told.__doc__ = "Somebody wants it."
    again: Any = placed(a=int)
    again.__doc__ = "Somebody has ordered it."
    assert "Somebody wants it." in str(snapshot(app_of(told)))
    assert changes(placed(a=int), told) == changes(told, again) == changes(again, placed(a=int)) == []


@dataclass(frozen=True, kw_only=True)
class Viewed(Event):
    """Another event."""


def test_what_nothing_reads_is_breaking() -> None:
    """A class that is gone, or has another name; saying that it is passed over is an answer."""
    module = Module("shop")
    (found, _) = changes(placed(a=int), Viewed)
    assert (found.event, found.verdict, found.text) == ("placed", Verdict.BREAKING, "is read by nothing any more")
    assert found.hint == "bring its class back, or say what it has become: upcast('placed', 1), or skip('placed')"
    module.skip("placed")
    assert [one.event for one in changes(placed(a=int), Viewed, module)] == ["viewed"]


def test_a_version_that_is_taken_back_is_breaking() -> None:
    """The log has events that a process of today would have to guess at."""
    found = changes(placed(3, a=int), placed(2, a=int))[-1]
    assert (found.version, found.verdict) == (3, Verdict.BREAKING)
    assert found.text == "is newer than version 2, which is today's"


def test_forms_are_added_and_never_taken_away() -> None:
    """What was recorded before a field was new is an example still, and so are all older versions."""
    first = snapshot(app_of(placed(a=int)))
    second = snapshot(app_of(placed(a=int, b=(str, "x"))), first)
    third = snapshot(app_of(placed(2, a=int)), second)
    assert second.forms["placed", 1].examples == ({"a": 1}, {"a": 1, "b": "text"}, {"a": 1, "b": "x"})
    assert third.forms["placed", 1] == second.forms["placed", 1]
    assert third.forms["placed", 2].examples == ({"a": 1},)
    assert str(Snapshot.parse(str(third))) == str(third)


async def test_a_log_shows_what_no_class_does() -> None:
    """Examples of every name, version and set of fields that it has, whoever knows them."""
    app = app_of(placed(2, a=int))
    bodies = [("placed", 1, b'{"a": "old"}'), ("placed", 2, b'{"a": 7}'), ("placed", 2, b'{"a": 8}')]
    bodies += [("viewed", 1, b"{}"), ("placed", 2, b'{"a": 9, "by": "eve"}')]
    now = SystemClock().now()
    drafts = tuple(Draft(new_id(), name, version, body, {}, now) for name, version, body in bodies)
    async with app:
        await app.store.commit(Batch((Append("s", drafts),)))
        found = await stored_forms(app.store.log)
    assert found == {
        ("placed", 1): Form(examples=({"a": "old"},)),
        ("placed", 2): Form(examples=({"a": 7}, {"a": 9, "by": "eve"})),
        ("viewed", 1): Form(examples=({},)),
    }
    known = snapshot(app, stored=found)
    assert known.forms["placed", 2].examples == ({"a": 7}, {"a": 9, "by": "eve"}, {"a": 1})
    told = [(one.event, one.version, one.verdict) for one in compare(app, known)]
    assert told == [("placed", 1, Verdict.NEEDS_UPCASTER), ("viewed", 1, Verdict.BREAKING)]


def test_an_event_with_rules_that_no_schema_tells_has_no_example() -> None:
    """Then its schema alone is compared."""
    code = placed(code=Annotated[str, Field(pattern="^[A-Z]{3}$")])
    assert snapshot(app_of(code)).forms["placed", 1].examples == ()
    (found,) = changes(code, placed(code=Annotated[str, Field(pattern="^[A-Z]{4}$")]))
    assert found.text == "code: has the limit pattern ^[A-Z]{4}$, which was ^[A-Z]{3}$"
    (found,) = changes(code, placed(code=Annotated[str, Field(pattern="^[A-Z]{3}$")], b=int))
    assert found.text == "b: is new, without a default"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "events": 7}', '{"format": 2, "events": {}}'])
def test_another_file_is_no_snapshot(text: str) -> None:
    """It is refused, and not taken for one without events."""
    with pytest.raises(WiringError, match="snapshot"):
        Snapshot.parse(text)


def test_an_unsound_application_is_not_compared() -> None:
    """Its faults come first."""
    module = Module("shop")
    module.upcast("nothing", 1, dict)
    with pytest.raises(StartError):
        compare(app_of(module=module), Snapshot())


async def test_what_all_of_a_log_passes_is_compatible() -> None:
    """A rule that is new and met by all that was recorded is shown to be so; one that is not is told with its place."""
    before, after = placed(total=Decimal), placed(total=Annotated[Decimal, Field(decimal_places=2)])
    app, known = app_of(after), snapshot(app_of(before))
    async with app:
        await record(app, b'{"total": "1.25"}')
        (found,) = compare(app, known, await read_log(app))
        assert (found.verdict, found.hint) == (Verdict.COMPATIBLE, "")
        assert found.text.endswith("which is new; all 1 events of the log are read")
        assert [one.verdict for one in compare(app, known, {})] == [Verdict.NEEDS_UPCASTER]
        await record(app, b'{"total": "1.255"}')
        found = next(one for one in compare(app, known, await read_log(app)) if "the log" in one.text)
    assert found.verdict is Verdict.NEEDS_UPCASTER
    assert found.text.startswith("the log has one that is not read: position 2: ")


async def record(app: App, body: bytes) -> None:
    """Have an event in the log as some older application has written it."""
    await app.store.commit(Batch((Append("s", (Draft(new_id(), "placed", 1, body, {}, SystemClock().now()),)),)))


PERSON = {"by": Annotated[str, Subject("member")]}
CONTACT = {**PERSON, "contact": (Annotated[str | Erased, Personal("member")], ...)}
APART = {
    **PERSON,
    "email": (Annotated[str | Erased, Personal("member")], ...),
    "phone": (Annotated[str | Erased, Personal("member")], ...),
}


def personal(before: type, after: type, change: Any) -> list[Change]:
    """What a check of applications with personal data tells of an upcaster."""
    known = snapshot(with_keys(app_of(before)))
    found = compare(with_keys(app_of(after, module=upcasting(change))), known)
    return [one for one in found if (one.event, one.version) == ("placed", 1)]


def with_keys(app: App) -> App:
    """An application with a place for keys."""
    return App(app.name, modules=app.modules, database="memory:", key_database="memory:")


def test_an_upcaster_is_tried_on_what_is_erased() -> None:
    """One that goes on with it is compatible; one that cannot is told before somebody is erased."""

    def apart(data: dict[str, Any]) -> dict[str, Any]:
        email, _, phone = data.pop("contact").partition(", ")
        return {**data, "email": email, "phone": phone}

    def counting(data: dict[str, Any]) -> dict[str, Any]:
        contact = data.pop("contact")
        return {**data, "email": contact, "phone": str(len(contact))}

    assert personal(placed(**CONTACT), placed(2, **APART), apart) == []
    (found,) = personal(placed(**CONTACT), placed(2, **APART), counting)
    assert (found.verdict, found.hint) == (Verdict.NEEDS_UPCASTER, "give its upcaster a case Erased()")
    assert found.text.startswith("an example is not read once contact is erased: ")
    assert "it was given 'contact' erased" in found.text


def test_what_becomes_personal_is_told() -> None:
    """What was recorded before is read, in plain text, and nobody erases it: that is told, field by field or at all."""
    plain = placed(**PERSON, contact=str)
    (found,) = compare(with_keys(app_of(placed(**CONTACT))), snapshot(app_of(plain)))[:1]
    assert found.text == "contact: is personal now, and was recorded in plain text: nothing erases what was"
    assert found.verdict is Verdict.COMPATIBLE
    (found,) = personal(plain, placed(2, **APART), lambda data: {**data, "email": data["contact"], "phone": ""})
    assert found.text == "what it becomes is personal now, and was recorded in plain text: nothing erases what was"
