"""What stands behind the ports: tables, a simulated pair of providers, and mail that goes to the log."""

import logging
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import UniqueConstraint, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples.providers.domain import CodeRefused, Connection, Provider, ProviderEvent
from examples.providers.queries import ConnectionDTO, TrailEntryDTO
from twofold import Failure, Result, Success, Unavailable
from twofold.sql import ReadSession


class _Tables(DeclarativeBase):
    pass


class ConnectionRow(_Tables):
    __tablename__ = "connection"
    __table_args__ = (UniqueConstraint("user_id", "provider"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    provider: Mapped[str]
    account: Mapped[str]


class TrailRow(_Tables):
    __tablename__ = "trail"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(index=True)
    event: Mapped[str]
    provider: Mapped[str]
    reason: Mapped[str | None]


class SqlConnections:
    """The write repository."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, user_id: UUID, provider: Provider) -> Connection | None:
        where = (ConnectionRow.user_id == user_id, ConnectionRow.provider == provider)
        row = await self._session.scalar(select(ConnectionRow).where(*where))
        if row is None:
            return None
        return Connection(id=row.id, user_id=row.user_id, provider=Provider(row.provider), account=row.account)

    async def add(self, connection: Connection) -> None:
        self._session.add(
            ConnectionRow(
                id=connection.id,
                user_id=connection.user_id,
                provider=connection.provider.value,
                account=connection.account,
            )
        )

    async def remove(self, connection: Connection) -> None:
        await self._session.execute(delete(ConnectionRow).where(ConnectionRow.id == connection.id))


class SqlTrail:
    """Notes events in a table, in the transaction of the reaction's checkpoint: each one once."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def note(self, event_id: UUID, event: ProviderEvent, reason: str | None) -> None:
        self._session.add(
            TrailRow(
                id=event_id,
                user_id=event.user_id,
                event=type(event).__name__,
                provider=event.provider.value,
                reason=reason,
            )
        )


class SqlConnectionViews:
    """The read repository."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def connections(self, user_id: UUID) -> list[ConnectionDTO]:
        rows = await self._session.scalars(
            select(ConnectionRow).where(ConnectionRow.user_id == user_id).order_by(ConnectionRow.provider)
        )
        return [ConnectionDTO(id=row.id, provider=Provider(row.provider), account=row.account) for row in rows]

    async def trail(self, user_id: UUID) -> list[TrailEntryDTO]:
        rows = await self._session.scalars(select(TrailRow).where(TrailRow.user_id == user_id).order_by(TrailRow.id))
        return [TrailEntryDTO(event=row.event, provider=Provider(row.provider), reason=row.reason) for row in rows]


class SimulatedIdentities:
    """Providers that know everybody whose code starts with `user:`, and do not answer when it is `down`."""

    async def account_of(self, provider: Provider, code: SecretStr) -> Result[str, CodeRefused | Unavailable]:
        kind, _, account = code.get_secret_value().partition(":")
        if kind == "down":
            return Failure(Unavailable(f"{provider} does not answer"))
        if kind != "user" or not account:
            return Failure(CodeRefused(f"{provider} does not accept the code"))
        return Success(account)


class LogMail:
    """Writes mail to the log."""

    async def send(self, user_id: UUID, text: str) -> None:
        logging.getLogger(__name__).info("to %s: %s", user_id, text)
