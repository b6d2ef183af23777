"""The write repositories. They read on a session that sees what is committed, and write on the one of the command.

So a command begins its transaction with its first write, and nothing waits in the database while it hashes or asks a
provider. What was read may be old by then: each write names what it expects, and says when it does not find it.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, Update, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from examples.providers.domain import AlreadyConnected, Connection, EmailTaken, Provider, Session, Tokens, User
from examples.providers.tables import ConnectionRow, SessionRow, TrailRow, UserRow
from twofold import Event, Failure, Result, Success
from twofold.sql import ReadSession


class SqlUsers:
    def __init__(self, reading: ReadSession, writing: AsyncSession) -> None:
        self._reading = reading
        self._writing = writing

    async def find(self, email: str) -> User | None:
        return _user(await self._reading.scalar(select(UserRow).where(UserRow.email == email)))

    async def get(self, user_id: UUID) -> User | None:
        return _user(await self._reading.get(UserRow, user_id))

    async def add(self, user: User) -> Result[None, EmailTaken]:
        self._writing.add(UserRow(id=user.id, email=user.email, password_hash=user.password_hash))
        try:
            await self._writing.flush()
        except IntegrityError:
            return Failure(EmailTaken("somebody else has this address"))
        return Success()

    async def change_password(self, user: User, password_hash: str) -> bool:
        found = update(UserRow).where(UserRow.id == user.id, UserRow.password_hash == user.password_hash)
        return await _changed(self._writing, found.values(password_hash=password_hash))


class SqlSessions:
    def __init__(self, writing: AsyncSession) -> None:
        self._writing = writing

    async def add(self, session: Session) -> None:
        self._writing.add(SessionRow(**asdict(session)))

    async def revoke(self, user_id: UUID, *, opened_before: datetime) -> None:
        found = update(SessionRow).where(SessionRow.user_id == user_id, SessionRow.opened_at < opened_before)
        await self._writing.execute(found.values(active=False))


class SqlConnections:
    def __init__(self, reading: ReadSession, writing: AsyncSession) -> None:
        self._reading = reading
        self._writing = writing

    async def find(self, user_id: UUID, provider: Provider) -> Connection | None:
        row = await self._reading.scalar(select(ConnectionRow).where(*_active(user_id, provider)))
        if row is None or row.access_token is None or row.refresh_token is None:
            return None
        tokens = Tokens(access=row.access_token, refresh=row.refresh_token, expires_at=row.expires_at)
        return Connection(id=row.id, user_id=user_id, provider=provider, account=row.account, tokens=tokens)

    async def add(self, connection: Connection) -> Result[None, AlreadyConnected]:
        row = ConnectionRow(
            id=connection.id,
            user_id=connection.user_id,
            provider=connection.provider.value,
            account=connection.account,
            **_columns(connection.tokens),
        )
        self._writing.add(row)
        try:
            await self._writing.flush()
        except IntegrityError:
            return Failure(AlreadyConnected(f"{connection.provider} is connected already"))
        return Success()

    async def renew(self, connection: Connection, tokens: Tokens) -> bool:
        found = update(ConnectionRow).where(
            *_active(connection.user_id, connection.provider),
            ConnectionRow.refresh_token == connection.tokens.refresh,
        )
        return await _changed(self._writing, found.values(**_columns(tokens)))

    async def end(self, user_id: UUID, provider: Provider) -> bool:
        found = update(ConnectionRow).where(*_active(user_id, provider))
        return await _changed(self._writing, found.values(active=False, access_token=None, refresh_token=None))


class SqlTrail:
    """Notes events in the transaction of the reaction's checkpoint: each one once."""

    def __init__(self, writing: AsyncSession) -> None:
        self._writing = writing

    async def note(self, event_id: UUID, event: Event) -> None:
        facts = {name: getattr(event, name, None) for name in ("user_id", "provider", "reason")}
        self._writing.add(TrailRow(id=event_id, event=type(event).__name__, **facts))


def _user(row: UserRow | None) -> User | None:
    return None if row is None else User(id=row.id, email=row.email, password_hash=row.password_hash)


def _active(user_id: UUID, provider: Provider) -> tuple[Any, ...]:
    return ConnectionRow.user_id == user_id, ConnectionRow.provider == provider.value, ConnectionRow.active.is_(True)


def _columns(tokens: Tokens) -> dict[str, Any]:
    return {"access_token": tokens.access, "refresh_token": tokens.refresh, "expires_at": tokens.expires_at}


async def _changed(session: AsyncSession, change: Update) -> bool:
    """Make a change, and say whether there was a row for it."""
    done = await session.execute(change)
    return isinstance(done, CursorResult) and done.rowcount == 1
