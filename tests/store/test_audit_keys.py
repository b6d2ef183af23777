"""What the audit trail is sealed with: the same bytes for ever, and a key that nobody can guess or read."""

import hmac
import importlib.util
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pydantic_core
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.errors import WiringError
from twofold.store import NO_KEYS, AuditBlock, AuditEntry, AuditKeyMissing, AuditKeys, sealed_text

KEY = "k" * 32
ENTRY = AuditEntry(
    message="open",
    version=1,
    message_id=UUID(int=7),
    correlation_id="c-1",
    causation_id=None,
    user_id="ada",
    tenant=None,
    payload='{"a":1}',
    time=datetime(2030, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    duration=timedelta(microseconds=1234),
    outcome="success",
    position=2,
    number=1,
)
TEXT = (
    '[1,"open",1,"00000000-0000-0000-0000-000000000007","c-1",null,"ada",null,"{\\"a\\":1}",'
    '1893553445000006,1234,"success","",2]'
)


def test_an_entry_and_a_block_are_sealed_as_they_always_were() -> None:
    """What an older twofold has sealed is proved by this one."""
    block = AuditBlock.of([(1, ENTRY.canonical)], None, datetime(2030, 1, 2, tzinfo=UTC))
    assert ENTRY.canonical == TEXT
    assert block.digests.hex() == "ab4138aad505552efa18a8f3e82b020cdeb57cb85eaa73152d5651dfefedaff1"
    assert block.hash.hex() == "232885588e7f8308644eb8c413c2d0e6b2b7b447fb99e9484c68f8e853e5b004"


def test_a_key_seals_by_hmac() -> None:
    """Entries and blocks, under the key that is the first; any of them proves."""
    keys = AuditKeys(KEY, "o" * 32)
    block = AuditBlock.of([(1, ENTRY.canonical)], None, datetime(2030, 1, 2, tzinfo=UTC), keys)
    assert block.key == keys.current == AuditKeys(KEY).current
    assert block.digests == hmac.digest(KEY.encode(), TEXT.encode(), "sha256")
    assert block.is_sound(AuditKeys("o" * 32, KEY))
    with pytest.raises(AuditKeyMissing, match=block.key):
        block.is_sound(AuditKeys("o" * 32))
    with pytest.raises(AuditKeyMissing, match=block.key):
        AuditBlock.of([(1, ENTRY.canonical)], block, datetime(2030, 1, 3, tzinfo=UTC), NO_KEYS)


def test_a_key_shows_itself_nowhere() -> None:
    """Neither what holds keys, nor the id of one, nor the error of one that is too short, tells it."""
    keys = AuditKeys(KEY)
    with pytest.raises(WiringError) as refused:
        AuditKeys(KEY[1:])
    assert not [one for one in (repr(keys), keys.current, str(refused.value)) if "kkk" in one]


def test_what_tells_of_several_is_sealed_with_their_number() -> None:
    """Of one it is left out, so that it has the bytes that it always had."""
    assert ENTRY._replace(count=2).canonical == TEXT[:-1] + ",2]"


def test_the_door_that_a_command_came_through_is_sealed() -> None:
    """Of one that came through none it is left out, likewise."""
    assert ENTRY._replace(source="http").canonical == TEXT[:-1] + ',1,"http"]'
    assert ENTRY._replace(source="http", count=2).canonical == TEXT[:-1] + ',2,"http"]'


@given(st.lists(st.none() | st.integers() | st.text(), min_size=1))
def test_what_is_sealed_is_told_as_the_standard_library_tells_it(facts: list[str | int | None]) -> None:
    """Whatever it says, the bytes are those that were sealed before it was written by anybody else."""
    assert sealed_text(*facts, count=1, source=None) == json.dumps(facts, separators=(",", ":"))
    assert sealed_text(*facts, count=3, source="http") == json.dumps([*facts, 3, "http"], separators=(",", ":"))


def test_what_no_utf_8_tells_is_sealed_all_the_same() -> None:
    """Half of a surrogate pair, and the one control character that JSON need not escape."""
    assert sealed_text("\ud800", "\x7f", count=1, source=None) == '["\\ud800","\\u007f"]'


def test_a_pydantic_that_escapes_otherwise_writes_nothing_that_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library that has sealed from the beginning writes it all: it is looked at when twofold is imported."""
    alike = pydantic_core.to_json

    def otherwise(value: Any) -> bytes:
        return alike(value).replace(b"/", b"\\/")

    monkeypatch.setattr(pydantic_core, "to_json", otherwise)
    spec = importlib.util.find_spec("twofold.store._audit")
    assert spec is not None
    assert spec.loader is not None
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)
    assert otherwise("a/b") == b'"a\\/b"'
    assert again.sealed_text("a/b", count=1, source=None) == '["a/b"]'
