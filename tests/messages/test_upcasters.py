"""The way from what the log has to the events of today."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, Field
from pydantic_core import to_json

from twofold.errors import NewerVersion, Undecodable, UnknownMessage, WiringError
from twofold.messages import Catalogue, Encoded, Erased, Event, Personal, Subject, Upcaster, event


@event(name="placed", version=3)
@dataclass(frozen=True, kw_only=True)
class Placed(Event):
    """An event that has been of two other forms."""

    id: int
    total: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True)
class Addressed(Event):
    """What was a part of the other event once."""

    id: int
    address: str


def catalogue(*upcasters: Upcaster, skipped: str | None = None) -> Catalogue:
    """A catalogue with both events."""
    made = Catalogue()
    made.add(Placed)
    made.add(Addressed)
    for one in upcasters:
        made.upcasters.add(one)
    if skipped is not None:
        made.upcasters.skip(skipped)
    return made


def renamed(data: dict[str, Any]) -> dict[str, Any]:
    """From the first version to the second."""
    return {"id": data["id"], "total": data["amount"]}


def in_euro(data: dict[str, Any]) -> dict[str, Any]:
    """From the second version to the third."""
    return {**data, "currency": "EUR"}


def split(data: dict[str, Any]) -> list[Encoded]:
    """From the second version to two events."""
    address = data.pop("address")
    return [Encoded("placed", in_euro(data), 3), Encoded("addressed", {"id": data["id"], "address": address})]


BOTH = ("placed", "addressed")
FIRST, SECOND = Upcaster("placed", 1, renamed), Upcaster("placed", 2, in_euro)
TODAY = Placed(id=7, total=Decimal("1.50"), currency="EUR")


def test_versions_are_chained_to_that_of_today() -> None:
    """Each upcaster knows the next version only."""
    known = catalogue(FIRST, SECOND)
    assert known.read("placed", 1, b'{"id": 7, "amount": "1.50"}') == [TODAY]
    assert known.read("placed", 2, b'{"id": 7, "total": "1.50"}') == [TODAY]
    assert known.read("placed", 3, b'{"id": 7, "total": "1.50", "currency": "EUR"}') == [TODAY]


def test_one_event_becomes_several_in_order() -> None:
    """In the order in which the upcaster answers them, each read as what it is."""
    known = catalogue(Upcaster("placed", 2, split, BOTH))
    events = known.read("placed", 2, b'{"id": 7, "total": "1.50", "address": "Main St"}')
    assert events == [TODAY, Addressed(id=7, address="Main St")]


def test_an_event_is_passed_over_by_its_upcaster_or_by_its_name() -> None:
    """It becomes no event, which is no error; a name is passed over in every version."""
    known = catalogue(Upcaster("placed", 1, lambda data: None if data["test"] else data), skipped="viewed")
    assert known.read("placed", 1, b'{"test": true}') == []
    assert known.read("viewed", 4, b"whatever") == []


def test_an_event_gets_another_name() -> None:
    """Over as many versions as either name has had."""
    known = catalogue(
        Upcaster("opened", 1, renamed),
        Upcaster("opened", 2, lambda data: Encoded("placed", data, 2), ["placed"]),
        SECOND,
    )
    assert known.read("opened", 1, b'{"id": 7, "amount": "1.50"}') == [TODAY]
    assert known.stored_as([Placed]) == {"placed", "opened"}


def test_the_names_that_become_an_event_are_known_over_several_steps() -> None:
    """So whoever wants it reads them all."""
    known = catalogue(
        Upcaster("basket", 1, lambda data: Encoded("opened", data), ["opened"]),
        Upcaster("opened", 1, lambda data: Encoded("placed", data, 3), ["placed"]),
        Upcaster("placed", 2, split, BOTH),
    )
    assert known.stored_as([Addressed]) == {"addressed", "placed", "opened", "basket"}
    assert known.stored_as([Placed]) == {"placed", "opened", "basket"}


def test_a_version_without_an_upcaster_is_read_as_the_next_one() -> None:
    """A default or another name of a field needs no code, and so no upcaster."""

    @event(name="moved", version=3)
    @dataclass(frozen=True, kw_only=True)
    class Moved(Event):
        to: Annotated[str, Field(validation_alias=AliasChoices("to", "address"))]
        why: str = "unknown"

    known = Catalogue()
    known.add(Moved)
    assert known.read("moved", 1, b'{"address": "Main St"}') == [Moved(to="Main St")]
    known.upcasters.add(Upcaster("moved", 2, lambda data: {**data, "why": "said"}))
    assert known.read("moved", 1, b'{"address": "Main St"}') == [Moved(to="Main St", why="said")]


def test_what_an_upcaster_answers_is_json_as_if_it_had_been_stored() -> None:
    """The next one is given what the log would have: neither the objects nor the dictionary of the last one."""
    seen = list[Any]()

    def look(data: dict[str, Any]) -> dict[str, Any]:
        seen.append(data)
        return {"id": 7, "total": data["total"], "currency": "EUR"}

    uuid = UUID(int=7)
    known = catalogue(
        Upcaster("placed", 1, lambda data: {"total": Decimal("1.50"), "uuid": uuid, "raw": b"\xff"}),
        Upcaster("placed", 2, look),
    )
    assert known.read("placed", 1, b"{}") == [TODAY]
    assert seen == [{"total": "1.50", "uuid": str(uuid), "raw": "_w=="}]


def test_a_version_of_tomorrow_is_not_guessed_at() -> None:
    """It waits for a process that knows it: nothing is wrong with it."""
    with pytest.raises(NewerVersion, match="'placed' is in the log with version 4, and this process knows 3"):
        catalogue().read("placed", 4, b'{"id": 7, "total": "1.50", "currency": "EUR"}')


def test_a_name_that_nobody_knows_is_told_with_its_version() -> None:
    """And with what it may have been meant to be."""
    with pytest.raises(UnknownMessage, match=r"no message is registered as 'place' version 2.*did you mean 'placed'"):
        catalogue().read("place", 2, b"{}")


def fails(data: Any) -> Any:
    """An upcaster that is wrong."""
    return data["amont"]


WRONG: list[tuple[Any, str]] = [
    (fails, "its upcaster fails does not fit: KeyError: 'amont'"),
    (lambda data: 7, "it answers a int, and neither fields"),
    (lambda data: "text", "it answers a str"),
    (lambda data: [data], "it answers a list"),
    (lambda data: Encoded("addressed", data), "it answers 'addressed', which is not among what it says"),
    (lambda data: Encoded("placed", data, 2), "it answers version 2, which is no newer one"),
    (lambda data: {"total": object()}, "PydanticSerializationError"),
    (lambda data: {**data, "currency": 7}, "currency: Input should be a valid string"),
]


@pytest.mark.parametrize("change, why", WRONG, ids=[why for _, why in WRONG])
def test_an_upcaster_that_does_not_fit_is_undecodable(change: Any, why: str) -> None:
    """Whatever it raises or answers, the event is told by name, and kept as it is."""
    with pytest.raises(Undecodable, match=why) as raised:
        catalogue(Upcaster("placed", 2, change)).read("placed", 2, b'{"id": 7, "total": "1.50"}')
    assert raised.value.name == "placed"


def test_upcasters_that_go_round_in_a_circle_end() -> None:
    """By what each says it becomes, nobody could tell."""
    known = catalogue(
        Upcaster("a", 1, lambda data: Encoded("b", data), ["b"]),
        Upcaster("b", 1, lambda data: Encoded("a", data), ["a"]),
    )
    with pytest.raises(Undecodable, match="go round in a circle"):
        known.read("a", 1, b"{}")


def test_an_upcaster_is_a_plain_function_of_a_version() -> None:
    """What could never run is refused where it is declared."""

    async def later(data: Any) -> Any:
        return data

    wrong: Any = later

    with pytest.raises(WiringError, match="no plain function"):
        Upcaster("placed", 1, wrong)
    with pytest.raises(WiringError, match="versions count from 1"):
        Upcaster("placed", 0, renamed)


@event(name="shape")
@dataclass(frozen=True, kw_only=True)
class Shape(Event):
    """An event of any fields."""

    fields: dict[str, Any]


Change = Callable[[dict[str, Any]], dict[str, Any]]


def renaming(old: str, new: str) -> tuple[Change, Change]:
    """A field is called something else."""
    return (
        lambda data: {new if name == old else name: value for name, value in data.items()},
        lambda data: {old if name == new else name: value for name, value in data.items()},
    )


def adding(name: str) -> tuple[Change, Change]:
    """A field is new."""
    return lambda data: {**data, name: 1}, lambda data: {key: value for key, value in data.items() if key != name}


def nesting(name: str) -> tuple[Change, Change]:
    """A field goes into an object."""
    return (
        lambda data: {**data, name: {"value": data[name]}},
        lambda data: {**data, name: data[name]["value"]},
    )


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, tuple[Change, Change] | None]]:
    """The forms that an event has had, oldest first, each with what makes the next one of it and back."""
    name, version, fields = "shape0", 1, ["a"]
    forms: list[tuple[str, int, tuple[Change, Change] | None]] = []
    for index in range(draw(st.integers(0, 6))):
        match draw(st.sampled_from(["rename", "add", "nest", "call", "keep"])):
            case "rename":
                field = draw(st.sampled_from(fields))
                fields[fields.index(field)] = f"f{index}"
                change = renaming(field, f"f{index}")
            case "add":
                fields.append(f"f{index}")
                change = adding(f"f{index}")
            case "nest":
                change = nesting(draw(st.sampled_from(fields)))
            case "call":
                forms.append((name, version, (dict, dict)))
                name, version = f"shape{index + 1}", 1
                continue
            case _:
                forms.append((name, version, None))
                version += 1
                continue
        forms.append((name, version, change))
        version += 1
    return [*forms, (name, version, None)]


@given(histories(), st.dictionaries(st.just("a"), st.integers(), min_size=1))
def test_every_form_of_a_random_history_is_read_as_the_event_of_today(
    forms: list[tuple[str, int, tuple[Change, Change] | None]], oldest: Mapping[str, int]
) -> None:
    """Versions with an upcaster, versions without, and other names, in any order."""
    known = Catalogue()
    name, version, _ = forms[-1]
    known.add(event(name=name, version=version)(type("Today", (Shape,), {})))
    for (name, version, change), (into, _, _) in pairwise(forms):
        if change is not None:
            known.upcasters.add(_step(name, version, change[0], into))
    data = [dict[str, Any](oldest)]
    for _, _, change in forms[:-1]:
        data.append(data[-1] if change is None else change[0](data[-1]))
    for (name, version, _), fields in zip(forms, data, strict=True):
        (found,) = known.read(name, version, to_json({"fields": fields}))
        assert found.fields == data[-1]
    for (_, _, change), older, newer in zip(forms[-2::-1], data[-2::-1], data[:0:-1], strict=True):
        assert older == (newer if change is None else change[1](newer))


def _step(name: str, version: int, change: Change, into: str) -> Upcaster:
    if name == into:
        return Upcaster(name, version, lambda data: {"fields": change(data["fields"])})
    return Upcaster(name, version, lambda data: Encoded(into, {"fields": change(data["fields"])}), [into])


@event(name="introduced", version=2)
@dataclass(frozen=True, kw_only=True)
class Introduced(Event):
    """An event with the data of two people."""

    member: Annotated[str, Subject("member")]
    friend: Annotated[str, Subject("friend")]
    email: Annotated[str | Erased, Personal("member")]
    phone: Annotated[str | Erased | None, Personal("member")] = None
    name: Annotated[str | Erased, Personal("friend")]


ERASED_CONTACT = b'{"member": "m1", "friend": "f1", "name": "Grace", "first": "G", "contact": {"twofold:erased": true}}'


def introduced(change: Callable[[dict[str, Any]], Any], body: bytes = ERASED_CONTACT) -> Any:
    """The event as an upcaster makes it of an older one."""
    made = Catalogue()
    made.add(Introduced)
    made.upcasters.add(Upcaster("introduced", 1, change))
    (found,) = made.read("introduced", 1, body)
    return found


MADE: list[Callable[[Any], Any]] = [
    lambda contact: contact,
    lambda contact: contact.partition(", ")[2],
    lambda contact: contact.strip().lower().split(",")[0],
    lambda contact: f"mail to {contact}",
    lambda contact: "mail to " + contact,
    lambda contact: contact["email"],
    lambda contact: contact * 2 - 1,
]


@pytest.mark.parametrize("make", MADE)
def test_what_an_upcaster_makes_of_erased_data_is_erased(make: Callable[[Any], Any]) -> None:
    """The field that it makes of it, and nothing beside it."""
    found = introduced(functools.partial(with_email, make))
    assert found == Introduced(member="m1", friend="f1", email=Erased(), name="Grace")
    assert found.email is Erased()


def test_an_upcaster_may_ask_for_erased_data() -> None:
    """By the class that handlers ask for, in what any upcaster of the chain is given."""

    def ask(data: dict[str, Any]) -> dict[str, Any]:
        match data.pop("contact"):
            case Erased() as gone:
                return {**data, "email": gone, "phone": None}
            case contact:
                return {**data, "email": contact, "phone": "44"}

    assert introduced(ask).phone is None
    assert introduced(ask, ERASED_CONTACT.replace(b'{"twofold:erased": true}', b'"a@b"')).phone == "44"


def test_an_upcaster_that_cannot_go_on_without_it_says_so() -> None:
    """Nothing is made up: what has no answer for erased data is told with the name of the field."""
    made: list[Callable[[Any], Any]] = [len, int, list, lambda contact: "@" in contact]
    for make in made:
        upcaster = functools.partial(with_email, make)
        with pytest.raises(Undecodable, match=r"it was given 'contact' erased: add a case Erased\(\)"):
            introduced(upcaster)


def with_email(make: Callable[[Any], Any], data: dict[str, Any]) -> dict[str, Any]:
    """Fields with an e-mail that is made of the contact."""
    return {**data, "email": make(data["contact"])}
