"""The read side: the queries of accounts, what they answer, and their handlers."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from twofold import Module, Page, Query, QueryHandler

queries = Module("accounts.queries")


@dataclass(frozen=True, kw_only=True)
class AccountDTO:
    """An account as clients see it."""

    id: UUID
    email: str
    closed: bool
    email_changes: int


class AccountViews(Protocol):
    """The read repository."""

    async def find(self, account_id: UUID) -> AccountDTO | None:
        """An account by its id; None when there is none."""
        ...

    async def page(self, *, closed: bool | None, page: int, page_size: int) -> Page[AccountDTO]:
        """Some of all accounts, by address."""
        ...


@dataclass(frozen=True, kw_only=True)
class GetAccount(Query[AccountDTO | None]):
    """One account; 404 when there is none."""

    account_id: UUID


@queries.handler(path="/accounts/{account_id}")
class GetAccountHandler(QueryHandler[GetAccount, AccountDTO | None]):
    def __init__(self, accounts: AccountViews) -> None:
        self.accounts = accounts

    async def handle(self, message: GetAccount) -> AccountDTO | None:
        return await self.accounts.find(message.account_id)


@dataclass(frozen=True, kw_only=True)
class ListAccounts(Query[Page[AccountDTO]]):
    """Accounts by address, all or only the open or closed ones."""

    closed: bool | None = None
    page: int = 1
    page_size: int = 20


@queries.handler(path="/accounts")
async def list_accounts(query: ListAccounts, accounts: AccountViews) -> Page[AccountDTO]:
    return await accounts.page(closed=query.closed, page=query.page, page_size=query.page_size)
