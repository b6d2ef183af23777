"""An id that can be nobody's is not erased: what tells of it stays in the log, and breaks whoever reads it as an id."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import pytest

from examples._demo.database import Database
from twofold import App, Command, Erased, Event, Module, NotFound, Personal, Subject, SubjectErased, UnitOfWork
from twofold.personal import MemoryKeyStore

pytestmark = pytest.mark.anyio

ADA = UUID("0000000a-0000-4000-8000-000000000001")


@dataclass(frozen=True, kw_only=True)
class Enrol(Command[None]):
    pupil: Annotated[UUID, Subject("pupil")]
    name: Annotated[str, Personal("pupil")]


@dataclass(frozen=True, kw_only=True)
class Enrolled(Event):
    pupil: Annotated[UUID, Subject("pupil")]
    name: Annotated[str | Erased, Personal("pupil")]


def school(database: str, keys: MemoryKeyStore) -> App:
    """An application whose pupils have UUIDs."""
    module = Module("school")

    @module.handler
    async def enrol(command: Enrol, unit: UnitOfWork) -> None:
        unit.append(f"pupil-{command.pupil}", Enrolled(pupil=command.pupil, name=command.name))

    @module.on(SubjectErased)
    async def forget(event: SubjectErased) -> None:
        UUID(event.id)

    return App("school", modules=[module], database=database, key_database=keys)


@pytest.mark.parametrize(
    "typed,reason", [("unknown", "valid UUID"), (str(ADA).upper(), f"it is kept as '{ADA}'"), (f" {ADA}", "valid UUID")]
)
async def test_nothing_is_done_about_an_id_that_can_be_nobodys(
    each_database: Database, typed: str, reason: str
) -> None:
    """The log, the trail and the keys stay as they are; what is typed in another form is told how it is kept."""
    keys = MemoryKeyStore()
    async with school(each_database.address, keys) as app:
        await app.execute(Enrol(pupil=ADA, name="Ada"))
        with pytest.raises(NotFound, match=reason):
            await app.erase(f"pupil:{typed}")
        assert (await app.store.log.head(), await keys.subjects()) == (1, [f"pupil:{ADA}"])
        assert (await app.erase(f"pupil:{ADA}")).events == {"enrolled": 1}
        assert (await app.erase(f"pupil:{ADA}")).events == {"enrolled": 1}
        assert (await app.erase(f"pupil:{UUID(int=7)}")).key is None
        await app.settle()
        assert await app.parked.list() == []


async def test_an_id_of_a_former_form_is_erased_while_there_is_a_key_of_it(each_database: Database) -> None:
    """And erased once more, since it was."""
    keys = MemoryKeyStore()
    await keys.key_of("pupil:ada")
    async with school(each_database.address, keys) as app:
        assert (await app.erase("pupil:ada")).key is not None
        assert await keys.subjects() == []
        assert (await app.erase("pupil:ada")).key is not None
