"""The smallest application whose command writes with a SQLAlchemy session."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import Command, Module, Result, Success


class Tables(DeclarativeBase):
    """The tables of the commands with a session."""


class Note(Tables):
    """One row."""

    __tablename__ = "note"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


@dataclass(frozen=True, kw_only=True)
class WriteNote(Command[int]):
    """Insert one row."""

    text: str


notes = Module("notes")
notes.state(Note)


@notes.handler
async def write_note(command: WriteNote, session: AsyncSession) -> Result[int]:
    note = Note(text=command.text)
    session.add(note)
    await session.flush()
    return Success(note.id)
