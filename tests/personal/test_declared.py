"""Personal fields as they are declared: what an application refuses to start with, and what codecs make of `Erased`."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter

from tests.personal.shop import Registered
from twofold import App, Erased, Event, Module, Personal, Subject, Tag
from twofold.errors import WiringError
from twofold.messages import MessageType


@dataclass(frozen=True, kw_only=True)
class NoSubject(Event):
    email: Annotated[str | Erased, Personal("customer")]


@dataclass(frozen=True, kw_only=True)
class NotErasable(Event):
    customer: Annotated[str, Subject("customer")]
    email: Annotated[str, Personal("customer")]


@dataclass(frozen=True, kw_only=True)
class Tagged(Event):
    customer: Annotated[str, Subject("customer")]
    email: Annotated[str | Erased, Personal("customer"), Tag("email")]


class Inner(BaseModel):
    email: Annotated[str | Erased, Personal("customer")]


@dataclass(frozen=True, kw_only=True)
class Inside(Event):
    customer: Annotated[str, Subject("customer")]
    inner: Inner


@dataclass(frozen=True, kw_only=True)
class ItsOwnSubject(Event):
    email: Annotated[str | Erased, Subject("customer"), Personal("customer")]


@pytest.mark.parametrize(
    "event, text",
    [
        (NoSubject, "no field says of which customer"),
        (NotErasable, "does not take Erased"),
        (Tagged, "in a tag"),
        (Inside, "inside another field"),
        (ItsOwnSubject, "encrypted itself"),
    ],
)
def test_what_could_not_be_erased_keeps_it_from_starting(event: type, text: str) -> None:
    """Each mistake is a fault of the start, with its class and what to do."""
    (fault,) = app(event).check()
    assert (fault.where, fault.code) == (event.__qualname__, "personal_data")
    assert text in fault.text
    assert fault.hint


def test_personal_data_needs_a_place_for_keys() -> None:
    """Without a key database the application does not start; without personal data nothing of it is asked for."""
    (fault,) = App("shop", modules=[module(Registered)], database="memory:").check()
    assert fault.code == "no_key_database"


def test_keys_do_not_lie_beside_the_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key database is another one than that of the events, however it is written."""
    monkeypatch.setenv("TWOFOLD_PERSONAL_KEY", "one-key-that-has-more-than-32-characters")
    file = tmp_path / "shop.db"
    beside = App("shop", modules=[module(Registered)], database=file, key_database=f"sqlite:///{file}")
    with pytest.raises(WiringError, match="a database of their own"):
        beside.check()
    monkeypatch.setenv("TWOFOLD_KEY_DATABASE", str(tmp_path / "keys.db"))
    assert App("shop", modules=[module(Registered)], database=file).check() == []


def test_a_file_of_keys_needs_a_master_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the environment or a file, and its absence is told."""
    monkeypatch.delenv("TWOFOLD_PERSONAL_KEY", raising=False)
    shop = App("shop", modules=[module(Registered)], database="memory:", key_database=tmp_path / "keys.db")
    with pytest.raises(WiringError, match="TWOFOLD_PERSONAL_KEY_FILE"):
        shop.check()
    (tmp_path / "master").write_text("one-key-that-has-more-than-32-characters\n")
    monkeypatch.setenv("TWOFOLD_PERSONAL_KEY_FILE", str(tmp_path / "master"))
    assert shop.check() == []


def test_erased_is_one_and_false() -> None:
    """It equals itself however it was copied, is false, and prints as a word."""
    erased = Erased()
    assert copy.deepcopy(erased) is copy.copy(erased) is Erased()
    assert not erased
    assert repr(erased) == "erased"


@pytest.mark.parametrize("kind", [str, dict[str, Any], Any, list[str] | None])
def test_the_marker_reads_as_erased_in_any_field(kind: Any) -> None:
    """Also where a mapping would fit, and it is written as the marker again."""
    form: Any = Annotated[kind | Erased, Personal("customer")]
    adapter = TypeAdapter[Any](form)
    assert adapter.validate_json(adapter.dump_json(Erased())) is Erased()


def test_what_is_encrypted_fits_no_personal_field() -> None:
    """A codec that is handed what nobody has decrypted says so, and does not quote it."""
    kind = MessageType(Registered)
    with pytest.raises(Exception, match="encrypted for another place") as told:
        kind.decode('{"customer":"7f3","email":{"twofold:personal":"00.AAAA"}}')
    assert "AAAA" not in str(told.value)


def module(*events: type) -> Module:
    made = Module("shop")
    made.events(*events)
    return made


def app(event: type) -> App:
    return App("shop", modules=[module(event)], database="memory:", key_database="memory:")
