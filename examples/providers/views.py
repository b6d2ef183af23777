"""The read repositories. Their session cannot write: the database refuses."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, select

from examples.providers.domain import Provider
from examples.providers.dtos import ConnectionDTO, SessionDTO, TrailEntryDTO
from examples.providers.tables import ConnectionRow, SessionRow, TrailRow
from twofold import Page
from twofold.sql import ReadSession, page_of

# What every request asks for comes as rows of columns, where objects would cost three times as much.
_connected, _opened = ConnectionRow.__table__, SessionRow.__table__
_ACTIVE = select(_connected).where(
    _connected.c.user_id == bindparam("user_id"),
    _connected.c.provider == bindparam("provider"),
    _connected.c.active.is_(True),
)
_OWNER = select(_opened.c.user_id).where(_opened.c.token_digest == bindparam("digest"), _opened.c.active.is_(True))


class SqlConnectionViews:
    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def active(self, user_id: UUID, provider: Provider) -> ConnectionDTO | None:
        wanted = {"user_id": user_id, "provider": provider.value}
        row = (await self._session.execute(_ACTIVE, wanted)).one_or_none()
        return None if row is None else _connection(row)

    async def page(self, user_id: UUID, *, active_only: bool, page: int, page_size: int) -> Page[ConnectionDTO]:
        wanted = _connections(user_id, active_only=active_only).order_by(ConnectionRow.provider, ConnectionRow.id)
        return await page_of(self._session, wanted, lambda row: _connection(row[0]), page=page, page_size=page_size)


class SqlSessionViews:
    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def owner(self, token_digest: str) -> UUID | None:
        owner: UUID | None = await self._session.scalar(_OWNER, {"digest": token_digest})
        return owner

    async def get(self, user_id: UUID, session_id: UUID) -> SessionDTO | None:
        row = await self._session.scalar(_sessions(user_id, active_only=False).where(SessionRow.id == session_id))
        return None if row is None else _session(row)

    async def page(self, user_id: UUID, *, active_only: bool, page: int, page_size: int) -> Page[SessionDTO]:
        wanted = _sessions(user_id, active_only=active_only).order_by(SessionRow.id.desc())
        return await page_of(self._session, wanted, lambda row: _session(row[0]), page=page, page_size=page_size)


class SqlTrailViews:
    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def of(self, user_id: UUID) -> list[TrailEntryDTO]:
        rows = await self._session.scalars(select(TrailRow).where(TrailRow.user_id == user_id).order_by(TrailRow.id))
        return [
            TrailEntryDTO(event=row.event, provider=Provider(row.provider) if row.provider else None, reason=row.reason)
            for row in rows
        ]


def _connections(user_id: UUID, *, active_only: bool) -> Select[Any]:
    wanted = select(ConnectionRow).where(ConnectionRow.user_id == user_id)
    return wanted.where(ConnectionRow.active.is_(True)) if active_only else wanted


def _sessions(user_id: UUID, *, active_only: bool) -> Select[Any]:
    wanted = select(SessionRow).where(SessionRow.user_id == user_id)
    return wanted.where(SessionRow.active.is_(True)) if active_only else wanted


def _connection(row: ConnectionRow | Row[Any]) -> ConnectionDTO:
    provider = Provider(row.provider)
    return ConnectionDTO(
        id=row.id, provider=provider, account=row.account, active=row.active, expires_at=row.expires_at
    )


def _session(row: SessionRow) -> SessionDTO:
    return SessionDTO(id=row.id, opened_at=row.opened_at, active=row.active)
