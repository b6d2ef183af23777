"""Encrypting for a place, and how long keys are remembered."""

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic_core import from_json, to_json

from tests.reliability.virtual import HandClock
from twofold import Erased, Event, Personal, Subject
from twofold.messages import Catalogue
from twofold.personal import LIFE, MemoryKeyStore, Vault
from twofold.personal._documents import Document, Documents
from twofold.personal._vault import decrypt, encrypt

pytestmark = pytest.mark.anyio

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


class Noted(BaseModel, Event):
    who: Annotated[str, Subject("person")]
    text: Annotated[Any | Erased, Personal("person")]
    other: str = ""


@given(value=JSON, who=st.text())
async def test_whatever_is_encrypted_is_read_again(value: Any, who: str) -> None:
    """Any JSON comes back as it was from its own place, and from no other."""
    documents = made()
    plain = to_json({"who": who, "text": value, "other": "stays"})
    sealed = await documents.seal("noted", Document(plain, ("event", "s", "1")), strict=True)
    assert from_json(sealed)["other"] == "stays"
    assert await documents.open([Document(sealed, ("event", "s", "1"))]) == [to_json(from_json(plain))]
    assert await documents.open([Document(sealed, ("event", "s", "2"))]) == [sealed]


@given(text=st.binary(), at=st.integers(min_value=0))
async def test_what_is_changed_is_not_read(text: bytes, at: int) -> None:
    """One character that is another one makes nothing of it."""
    key = await MemoryKeyStore().key_of("person:ada")
    sealed = encrypt(text, key, b"here")
    assert decrypt(sealed, key, b"here") == text
    place = len(key.id.hex) + 1 + at % 16
    other = "A" if sealed[place] != "A" else "B"
    assert decrypt(sealed[:place] + other + sealed[place + 1 :], key, b"here") is None


async def test_two_of_the_same_look_different() -> None:
    """Nobody can tell that two people have the same address."""
    key = await MemoryKeyStore().key_of("person:ada")
    assert encrypt(b"same", key, b"here") != encrypt(b"same", key, b"here")


async def test_a_key_is_remembered_for_a_short_time() -> None:
    """A process that has a key reads with it until its life is over, or it is told; then it knows that it is gone."""
    keys, clock = MemoryKeyStore(), HandClock()
    one, other = (Vault(keys, clock.monotonic) for _ in range(2))
    warm = await one.key_of("person:ada")
    assert await other.key_of("person:ada") == warm
    await one.destroy("person:ada")
    assert (await one.key_of("person:ada")).secret is None
    assert await other.key_of("person:ada") == warm
    clock.time += LIFE
    assert (await other.find([warm.id]))[warm.id].secret is None


async def test_a_key_that_was_being_read_while_it_was_destroyed_is_not_remembered() -> None:
    """Whoever has asked before goes on with it, and nobody who asks later."""
    keys = MemoryKeyStore()
    vault = Vault(keys, HandClock().monotonic)
    warm = await keys.key_of("person:ada")

    async def destroy_and(answer: Any) -> Any:
        await vault.destroy("person:ada")
        return answer

    with pytest.MonkeyPatch.context() as late:
        late.setattr(MemoryKeyStore, "find", lambda _, ids: destroy_and({warm.id: warm}))
        assert await vault.find([warm.id]) == {warm.id: warm}
        late.setattr(MemoryKeyStore, "key_of", lambda _, subject: destroy_and(warm))
        assert await vault.key_of("person:ada") == warm
    assert (await vault.find([warm.id]))[warm.id].secret is None
    assert (await vault.key_of("person:ada")).secret is None


async def test_erased_is_told_from_a_field_that_looks_like_it() -> None:
    """A text in a field of no subject that looks encrypted is left as it is."""
    documents = made()
    sealed = await documents.seal("noted", Document(b'{"who":"a","text":1}', ("x",)), strict=True)
    copied = to_json({"who": "a", "other": from_json(sealed)["text"]})
    assert await documents.open([Document(copied, ("x",))]) == [copied]


def made() -> Documents:
    catalogue = Catalogue()
    catalogue.add(Noted)
    return Documents(catalogue, Vault(MemoryKeyStore(), HandClock().monotonic))
