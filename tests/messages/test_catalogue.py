"""The closed registry: one per application, one name per class."""

import sys
from dataclasses import dataclass

import pytest

from twofold.errors import UnknownMessage, WiringError
from twofold.messages import Catalogue, Command, Event, Kind, Query, event


@dataclass(frozen=True, kw_only=True)
class Place(Command[None]):
    """A command."""


@dataclass(frozen=True, kw_only=True)
class Find(Query[int]):
    """A query."""


@dataclass(frozen=True, kw_only=True)
class Placed(Event):
    """An event."""


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A class that knows nothing of twofold."""


def test_it_knows_a_class_by_class_and_by_name() -> None:
    """Both ways lead to the same entry."""
    catalogue = Catalogue()
    entry = catalogue.add(Placed)
    assert catalogue.of(Placed) is catalogue.named("placed") is entry
    assert Placed in catalogue


def test_adding_twice_changes_nothing() -> None:
    """A handler, a projection and a scan may all bring the same event."""
    catalogue = Catalogue()
    assert catalogue.add(Placed) is catalogue.add(Placed, Kind.EVENT)


def test_it_lists_commands_queries_and_events_by_name() -> None:
    """The same every time, for a description that can be compared."""
    catalogue = Catalogue()
    for cls in (Placed, Find, Place):
        catalogue.add(cls)
    assert [entry.cls for entry in catalogue] == [Place, Placed, Find]
    assert repr(catalogue.of(Placed)) == "<event placed v1: Placed>"


def test_a_kind_must_be_known_and_stay() -> None:
    """A plain class is told what it is once, and only once."""
    catalogue = Catalogue()
    with pytest.raises(WiringError, match="nothing else says"):
        catalogue.add(Plain)
    assert catalogue.add(Plain, Kind.COMMAND).kind is Kind.COMMAND
    with pytest.raises(WiringError, match="as a command and as a query"):
        catalogue.add(Plain, Kind.QUERY)


def test_two_classes_of_one_name_are_refused() -> None:
    """Whichever was decoded, it might be the wrong one."""

    @event(name="placed")
    class Other(Event):
        pass

    catalogue = Catalogue()
    catalogue.add(Placed)
    with pytest.raises(WiringError, match="same wire name 'placed'"):
        catalogue.add(Other)
    assert catalogue.named("placed").cls is Placed
    assert Other not in catalogue


def test_what_is_not_in_it_is_unknown_with_a_near_match() -> None:
    """A typing mistake is answered with what was meant."""
    catalogue = Catalogue()
    catalogue.add(Placed)
    with pytest.raises(UnknownMessage) as by_name:
        catalogue.named("plced")
    assert by_name.value.near == ("placed",)
    with pytest.raises(UnknownMessage) as by_class:
        catalogue.of(Place)
    assert by_class.value.near == ("placed",)


def test_two_catalogues_do_not_meet() -> None:
    """Nothing is registered for the whole process."""
    Catalogue().add(Placed)
    assert Placed not in Catalogue()


@pytest.mark.parametrize(
    "name", ["this:s", "this", "tests.messages.test_catalogue:Placed", "__main__.Placed", "os.system"]
)
def test_a_name_is_looked_up_and_never_imported(name: str) -> None:
    """Whoever can write into the log, or send a message, chooses among what is registered, and nothing else."""
    catalogue = Catalogue()
    catalogue.add(Placed)
    with pytest.raises(UnknownMessage):
        catalogue.named(name)
    assert "this" not in sys.modules
