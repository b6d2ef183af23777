"""The read model of accounts: an inline projection, so that a read right after a write sees it, and its repository."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples.accounts.domain import AccountClosed, AccountRegistered, EmailChanged
from examples.accounts.queries import AccountDTO
from twofold import Module, Page, Rows
from twofold.sql import ReadSession, page_of

overview = Module("accounts.overview")


class _Tables(DeclarativeBase):
    pass


class AccountRow(_Tables):
    __tablename__ = "account_overview"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    closed: Mapped[bool]
    email_changes: Mapped[int]


@overview.projection("account_overview", mode="inline", tables=[AccountRow])
class AccountOverview:
    """What each event does to the row of its account."""

    def registered(self, event: AccountRegistered, rows: Rows) -> None:
        rows.upsert(AccountRow, {"account_id": event.account_id}, email=event.email, closed=False, email_changes=0)

    def email_changed(self, event: EmailChanged, rows: Rows) -> None:
        rows.upsert(AccountRow, {"account_id": event.account_id}, email=event.email)
        rows.add(AccountRow, {"account_id": event.account_id}, email_changes=1)

    def account_closed(self, event: AccountClosed, rows: Rows) -> None:
        rows.upsert(AccountRow, {"account_id": event.account_id}, closed=True)


class SqlAccountViews:
    """The read repository. Its session cannot write: the database refuses."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session

    async def find(self, account_id: UUID) -> AccountDTO | None:
        row = await self._session.get(AccountRow, account_id)
        return None if row is None else _dto(row)

    async def page(self, *, closed: bool | None, page: int, page_size: int) -> Page[AccountDTO]:
        statement = select(AccountRow).order_by(AccountRow.email)
        if closed is not None:
            statement = statement.where(AccountRow.closed.is_(closed))
        return await page_of(self._session, statement, lambda found: _dto(found[0]), page=page, page_size=page_size)


def _dto(row: AccountRow) -> AccountDTO:
    return AccountDTO(id=row.account_id, email=row.email, closed=row.closed, email_changes=row.email_changes)
