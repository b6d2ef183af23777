"""The read models of users, filled by projections from their events, and the read repository.

What must be right at once is inline, and commits with the command. When somebody was last seen may be a moment late;
who has just signed in sees it all the same, since a caller's query waits for what the caller has written.
The tables have no classes: rows become DTOs, and nobody changes one through an object, so a query costs half as much.
"""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, MetaData, Row, String, Table, Uuid, bindparam, select

from examples.accounts.domain import Status
from examples.accounts.events import EmailChanged, UserDeactivated, UserRegistered, UserSignedIn, UserUpdated
from examples.accounts.queries import UserDTO
from twofold import Module, Page, Rows
from twofold.sql import ReadSession, page_of
from twofold.store import Recorded

read_models = Module("accounts.read_models")


_METADATA = MetaData()

users = Table(
    "user_overview",
    _METADATA,
    Column("user_id", Uuid, primary_key=True),
    Column("email", String, nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("status", String, nullable=False),
)
sign_ins = Table(
    "last_sign_in",
    _METADATA,
    Column("user_id", Uuid, primary_key=True),
    Column("time", DateTime(timezone=True)),
)


@read_models.projection("user_overview", mode="inline", tables=[users])
class UserOverview:
    """What each event does to the row of its user."""

    def registered(self, event: UserRegistered, rows: Rows) -> None:
        rows.upsert(users, {"user_id": event.user_id}, email=event.email, name=event.name, status=Status.ACTIVE)

    def updated(self, event: UserUpdated, rows: Rows) -> None:
        rows.upsert(users, {"user_id": event.user_id}, name=event.name)

    def email_changed(self, event: EmailChanged, rows: Rows) -> None:
        rows.upsert(users, {"user_id": event.user_id}, email=event.email)

    def deactivated(self, event: UserDeactivated, rows: Rows) -> None:
        rows.upsert(users, {"user_id": event.user_id}, status=Status.DEACTIVATED)


@read_models.projection("last_sign_in", mode="async", tables=[sign_ins])
class LastSignIn:
    """Behind the log: signing in costs no row in its own transaction."""

    def signed_in(self, event: UserSignedIn, rows: Rows, recorded: Recorded) -> None:
        rows.upsert(sign_ins, {"user_id": event.user_id}, time=recorded.time)


_SHOWN = users.c.user_id, users.c.email, users.c.name, users.c.status, sign_ins.c.time
_USERS = select(*_SHOWN).outerjoin_from(users, sign_ins, sign_ins.c.user_id == users.c.user_id)
_ONE = _USERS.where(users.c.user_id == bindparam("user_id"))


class SqlUserViews:
    """The read repository. Its session cannot write: the database refuses."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def find(self, user_id: UUID) -> UserDTO | None:
        row = (await self._session.execute(_ONE, {"user_id": user_id})).one_or_none()
        return None if row is None else _dto(row)

    async def page(self, *, status: Status | None, page: int, page_size: int) -> Page[UserDTO]:
        statement = _USERS.order_by(users.c.email)
        if status is not None:
            statement = statement.where(users.c.status == status)
        return await page_of(self._session, statement, _dto, page=page, page_size=page_size)


def _dto(row: Row[UUID, str, str, str, datetime | None]) -> UserDTO:
    user_id, email, name, status, time = row
    return UserDTO(
        id=user_id,
        email=email,
        name=name,
        status=Status(status),
        last_login=None if time is None else time.replace(tzinfo=UTC),  # SQLite keeps no time zone
    )
