"""What was recorded before it was personal: no key makes it unreadable, so an erasure tells of it."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

import pytest

from tests.personal.shop import CANARY, Register, Shop
from twofold import App, Erased, Event, Module, Personal, Subject, event
from twofold.app.erasing import InPlainText
from twofold.app.streams import tombstone
from twofold.clock import SystemClock, new_id
from twofold.personal import PersonalStore
from twofold.store import Append, Batch, Draft, Snapshot

pytestmark = pytest.mark.anyio

NOW = SystemClock().now()
NOTHING = InPlainText(events={}, streams=(), snapshots=(), audit={})
SHE = f'"customer": "7f3", "email": "{CANARY}"'


def draft(name: str, body: str, version: int = 1) -> Draft:
    """An event as an application of before has written it."""
    return Draft(new_id(), name, version, body.encode(), {}, NOW)


async def keep(app: App, *appends: Append, **more: Any) -> None:
    """Have something in the store below the one that encrypts."""
    assert isinstance(app.store, PersonalStore)
    await app.store.behind.commit(Batch(appends, **more))


async def test_what_is_in_plain_text_is_told_with_its_place() -> None:
    """Events and entries of that subject, the streams, and those with a snapshot; a tombstone is the way out."""
    async with Shop().app() as app:
        await app.execute(Register(customer="c9", email="c@example.org"))
        (entry,) = [one async for one in app.audit.entries(message="register")]
        old = entry._replace(message_id=new_id(), payload=f'{{{SHE}, "then": ""}}', number=0)
        mine = Append("customer-7f3", (draft("registered", f'{{{SHE}, "home": null}}'),))
        other = Append("customer-c9x", (draft("registered", '{"customer": "c9x", "email": "x@example.org"}'),))
        shot = Snapshot("customer-7f3", 1, mine.events[0].id, "Customer", b"{}")
        await keep(app, mine, other, audit=(old,), snapshots=(shot,))
        done = await app.erase("customer:7f3")
        assert done.key is None
        assert done.plain == InPlainText(
            events={"registered": 1}, streams=("customer-7f3",), snapshots=("customer-7f3",), audit={"register": 1}
        )
        await tombstone(app, "customer-7f3")
        assert (await app.erase("customer:7f3")).plain == replace(NOTHING, audit={"register": 1})
        assert (await app.erase("customer:c9")).plain == NOTHING


async def test_what_is_empty_a_default_or_erased_is_no_data() -> None:
    """An event that tells nothing of the subject is not counted."""
    async with Shop().app() as app:
        bodies = ['"email": ""', '"email": null', '"email": {"twofold:erased": true}, "home": null']
        drafts = tuple(draft("registered", f'{{"customer": "7f3", {body}}}') for body in bodies)
        await keep(app, Append("customer-7f3", drafts))
        assert (await app.erase("customer:7f3")).plain == NOTHING


@event(name="joined", version=2)
@dataclass(frozen=True, kw_only=True)
class Joined(Event):
    """Version 1 called both fields otherwise, and nothing of it was personal."""

    member: Annotated[str, Subject("member")]
    email: Annotated[str | Erased, Personal("member")]
    language: Annotated[str | Erased, Personal("member")] = "en"


async def test_older_versions_are_looked_at_as_what_they_have_become() -> None:
    """By their upcasters; one that cannot be read counts when it names the subject."""
    module = Module("club")
    module.events(Joined)
    module.upcast("joined", 1, lambda data: {"member": data["id"], "email": data["mail"]})
    async with App("club", modules=[module], database="memory:", key_database="memory:") as app:
        bodies = ['{"id": "m1", "mail": "a@b"}', '{"id": "m2", "mail": "c@d"}', '{"id": "m1", "post": "x"}']
        await keep(app, Append("s", tuple(draft("joined", body) for body in bodies)))
        assert (await app.erase("member:m1")).plain.events == {"joined": 2}
        assert (await app.erase("member:m2")).plain.events == {"joined": 1}
        assert (await app.erase("member:m3")).plain == NOTHING
