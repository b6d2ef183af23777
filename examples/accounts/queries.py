"""The read side: the queries of users, what they answer, and who may ask."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from examples.accounts.domain import Status
from examples.accounts.events import EmailChanged, UserDeactivated, UserRegistered, UserSignedIn, UserUpdated
from twofold import Module, Page, Principal, Query, QueryHandler
from twofold.cache import Cache
from twofold.messages import Kind


@dataclass(frozen=True, kw_only=True)
class UserDTO:
    """A user as every other member sees it, by id or in the list: nothing of the password, with what no entity has."""

    id: UUID
    email: str
    name: str
    status: Status
    last_login: datetime | None


class UserViews(Protocol):
    """The read repository."""

    async def find(self, user_id: UUID) -> UserDTO | None:
        """A user by id; None when there is none."""
        ...

    async def page(self, *, status: Status | None, page: int, page_size: int) -> Page[UserDTO]:
        """Some of all users, by address."""
        ...


async def member(who: Principal, users: UserViews) -> bool:
    """Active users see one another; who was deactivated is out at once, however long the token lasts."""
    found = await users.find(UUID(who.user_id))
    return found is not None and found.status is Status.ACTIVE


queries = Module("accounts.queries", authorize=member, timeout=2.0)


@dataclass(frozen=True, kw_only=True)
class GetUser(Query[UserDTO | None]):
    """One user; 404 when there is none."""

    user_id: UUID


class GetUserHandler(QueryHandler[GetUser, UserDTO | None]):
    def __init__(self, users: UserViews) -> None:
        self.users = users

    async def handle(self, message: GetUser) -> UserDTO | None:
        return await self.users.find(message.user_id)


@dataclass(frozen=True, kw_only=True)
class ListUsers(Query[Page[UserDTO]]):
    """Users by address, all or only the active or deactivated ones."""

    status: Status | None = None
    page: int = 1
    page_size: int = 20


async def list_users(query: ListUsers, users: UserViews) -> Page[UserDTO]:
    return await users.page(status=query.status, page=query.page, page_size=query.page_size)


# All members are shown the same list, so they share one answer until an event changes it.
_LIST = Cache(
    "1m", scope="all", invalidated_by=(UserRegistered, UserUpdated, EmailChanged, UserDeactivated, UserSignedIn)
)

queries.register(GetUser, GetUserHandler, kind=Kind.QUERY, path="/users/{user_id}")
queries.register(ListUsers, list_users, kind=Kind.QUERY, path="/users", cache=_LIST)
