"""Where users are kept: the table behind the entity, the write repository, and who is asked for at the door."""

from uuid import UUID

from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, Uuid, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import registry

from examples.accounts.domain import EmailTaken, User
from twofold import Failure, NotFound, Result, Success
from twofold.sql import ReadSession

user_table = Table(
    "account",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("password_hash", String, nullable=False),
    Column("deactivated", Boolean, nullable=False),
)

# With the version, a command that was overtaken decides again instead of undoing what another one did.
registry().map_imperatively(User, user_table, version_id_col=user_table.c.version)


class SqlUsers:
    """The write repository; the database has the last word on who owns an address."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: UUID) -> Result[User, NotFound]:
        user = await self._session.get(User, user_id)
        return Failure(NotFound(f"there is no user {user_id}")) if user is None else Success(user)

    async def save(self, user: User) -> Result[User, EmailTaken]:
        email = user.email
        self._session.add(user)
        try:
            await self._session.flush()
        except IntegrityError:
            return Failure(EmailTaken(email))
        return Success(user)


class SqlCredentials:
    """Reads on a connection of its own, and so holds nobody up."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def find(self, email: str) -> User | None:
        return await self._session.scalar(select(User).where(user_table.c.email == email))
