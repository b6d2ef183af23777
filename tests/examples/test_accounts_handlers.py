"""The accounts example without an application: handlers, domain services and adapters, with fakes for the rest."""

from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID

import pytest
from pydantic import SecretStr

from examples.accounts.commands import (
    ChangeEmail,
    DeactivateUser,
    RegisterUser,
    RegisterUserHandler,
    UpdateUser,
    change_email,
    deactivate_user,
    own_account,
    update_user,
)
from examples.accounts.domain import Deactivated, EmailTaken, PasswordLeaked, Status, User, WrongCredentials
from examples.accounts.passwords import ScryptPasswords
from examples.accounts.queries import GetUser, GetUserHandler, ListUsers, UserDTO, UserViews, list_users, member
from examples.accounts.services import Credentials, LeakedPasswords, Passwords, Registration, SignIns, Tokens, Users
from examples.accounts.sign_in import SignIn, SignInHandler
from twofold import EventBus, Failure, Forbidden, Invalid, NotFound, Page, Principal, Success, Unavailable
from twofold.clock import new_id

pytestmark = pytest.mark.anyio

PASSWORD = SecretStr("correct horse 9")


def user(**said: Any) -> User:
    return User(**{"id": new_id(), "email": "ada@example.com", "name": "Ada", "password_hash": "hash", **said})


def dto(status: Status = Status.ACTIVE) -> UserDTO:
    return UserDTO(id=new_id(), email="ada@example.com", name="Ada", status=status, last_login=None)


def published(events: AsyncMock) -> list[str]:
    return [type(call.args[0]).__name__ for call in events.publish.await_args_list]


class TestRegistering:
    """The domain service, and the handler around it."""

    async def test_a_user_is_kept_with_a_hash(self) -> None:
        """The password is checked and hashed, and what is kept has the hash alone."""
        registration, users = registering()
        registered = (await registration.register("ada@example.com", "Ada", PASSWORD)).unwrap()
        assert (registered.email, registered.name, registered.password_hash) == ("ada@example.com", "Ada", "hash")
        users.save.assert_awaited_once_with(registered)

    @pytest.mark.parametrize("refusal", [PasswordLeaked("leaked", field="password"), Unavailable("away")])
    async def test_the_first_failure_stops(self, refusal: Any) -> None:
        """What the service of leaked passwords says is the answer, and nothing is hashed or kept."""
        registration, users = registering(checked=Failure(refusal))
        assert await registration.register("ada@example.com", "Ada", PASSWORD) == Failure(refusal)
        hashed: Any = registration.passwords.hashed
        hashed.assert_not_awaited()
        users.save.assert_not_awaited()

    async def test_the_handler_tells_and_counts(self) -> None:
        """A user who was registered is told of; the handler has counted and timed it."""
        events = AsyncMock(spec=EventBus)
        handler = RegisterUserHandler(registering()[0], events)
        answer = await handler.execute(register())
        assert isinstance(answer.unwrap(), UUID)
        assert published(events) == ["UserRegistered"]
        assert handler.metrics.get("registration.count") == 1
        assert handler.metrics.get("refused") == 0

    async def test_the_handler_answers_what_the_service_refuses(self) -> None:
        """Nothing is told, and the refusal is counted."""
        registration, users = registering()
        users.save.side_effect = lambda one: Failure(EmailTaken(one.email))
        events = AsyncMock(spec=EventBus)
        handler = RegisterUserHandler(registration, events)
        assert await handler.execute(register()) == Failure(EmailTaken("ada@example.com"))
        assert (published(events), handler.metrics.get("refused")) == ([], 1)

    async def test_validate_stops_first(self) -> None:
        """A password that is made of the address never reaches the service."""
        handler = RegisterUserHandler(registering()[0], AsyncMock(spec=EventBus))
        answer = await handler.execute(register(email="horse@example.com"))
        assert isinstance(answer.error, Invalid)
        assert handler.metrics.all() == {}


def registering(checked: Any = None) -> tuple[Registration, AsyncMock]:
    users, passwords, leaked = AsyncMock(spec=Users), AsyncMock(spec=Passwords), AsyncMock(spec=LeakedPasswords)
    users.save.side_effect = Success
    passwords.hashed.return_value = "hash"
    leaked.check.return_value = checked or Success()
    return Registration(users, passwords, leaked), users


def register(email: str = "ada@example.com") -> RegisterUser:
    return RegisterUser(email=email, name="Ada", password=PASSWORD)


class TestSigningIn:
    """Who is let in."""

    async def test_the_handler_gives_a_ticket(self) -> None:
        """It tells of the login, and the token is the user's."""
        ada, events, tokens = user(), AsyncMock(spec=EventBus), AsyncMock(spec=Tokens)
        tokens.issue = lambda user_id: f"token of {user_id}"
        handler = SignInHandler(signing_in(ada), tokens, events)
        ticket = (await handler.execute(SignIn(email=ada.email, password=PASSWORD))).unwrap()
        assert (ticket.user_id, ticket.token) == (ada.id, f"token of {ada.id}")
        assert published(events) == ["UserSignedIn"]

    @pytest.mark.parametrize(
        "found, right, refusal",
        [
            (None, False, WrongCredentials),
            (user(), False, WrongCredentials),
            (user(deactivated=True), False, WrongCredentials),
            (user(deactivated=True), True, Forbidden),
        ],
    )
    async def test_all_others_are_refused(self, found: User | None, right: bool, refusal: type[Exception]) -> None:
        """Nobody, a wrong password, and the deactivated: only with the right password one learns of that."""
        events = AsyncMock(spec=EventBus)
        handler = SignInHandler(signing_in(found, right=right), AsyncMock(spec=Tokens), events)
        answer = await handler.execute(SignIn(email="ada@example.com", password=PASSWORD))
        assert type(answer.error) is refusal
        assert (published(events), handler.metrics.get("refused")) == ([], 1)

    async def test_nobody_costs_as_much_as_somebody(self) -> None:
        """A password is compared even when there is no user, so that time tells nothing."""
        sign_ins = signing_in(None, right=False)
        await sign_ins.check("bob@example.com", PASSWORD)
        match: Any = sign_ins.passwords.match
        match.assert_awaited_once_with(PASSWORD, None)


def signing_in(found: User | None, *, right: bool = True) -> SignIns:
    credentials, passwords = AsyncMock(spec=Credentials), AsyncMock(spec=Passwords)
    credentials.find.return_value = found
    passwords.match.return_value = right
    return SignIns(credentials, passwords)


class TestChanging:
    """The three commands that change somebody who is there."""

    @pytest.mark.parametrize(
        "handle, command, event, changed",
        [
            (update_user, UpdateUser(user_id=new_id(), name="Ada L."), "UserUpdated", ("ada@example.com", "Ada L.")),
            (
                change_email,
                ChangeEmail(user_id=new_id(), email="a@example.net"),
                "EmailChanged",
                ("a@example.net", "Ada"),
            ),
            (deactivate_user, DeactivateUser(user_id=new_id()), "UserDeactivated", ("ada@example.com", "Ada")),
        ],
    )
    async def test_each_is_told_or_refused(
        self, handle: Any, command: Any, event: str, changed: tuple[str, str]
    ) -> None:
        """What was changed is kept and told; who is missing, deactivated, or has a taken address is refused."""
        users, events, ada = AsyncMock(spec=Users), AsyncMock(spec=EventBus), user()
        users.get.return_value, users.save.side_effect = Success(ada), Success
        assert await handle(command, users, events) == Success()
        assert (ada.email, ada.name) == changed
        assert ada.deactivated is (event == "UserDeactivated")
        assert published(events) == [event]
        users.get.assert_awaited_once_with(command.user_id)

        events.reset_mock()
        users.save.side_effect = lambda one: Failure(EmailTaken(one.email))
        users.get.return_value = Success(user())
        assert isinstance((await handle(command, users, events)).error, EmailTaken)
        users.save.reset_mock()
        for found, refusal in ((Success(user(deactivated=True)), Deactivated), (Failure(NotFound("no")), NotFound)):
            users.get.return_value = found
            assert isinstance((await handle(command, users, events)).error, refusal)
        users.save.assert_not_awaited()
        assert published(events) == []

    @pytest.mark.parametrize(
        "decide", [lambda one: one.rename("Eve"), lambda one: one.change_email("eve@example.com"), User.deactivate]
    )
    def test_a_refused_decision_changes_nothing(self, decide: Any) -> None:
        """The entity is as it was, and says why."""
        ada = user(deactivated=True)
        assert isinstance(decide(ada).error, Deactivated)
        assert (ada.name, ada.email, ada.deactivated) == ("Ada", "ada@example.com", True)

    def test_everybody_changes_themselves(self) -> None:
        """The policy compares the user with who asks."""
        command = DeactivateUser(user_id=new_id())
        assert own_account(command, Principal(user_id=str(command.user_id)))
        assert not own_account(command, Principal(user_id=str(new_id())))


class TestReading:
    """Queries answer what the read repository knows."""

    async def test_one_user(self) -> None:
        """Or None."""
        views, ada = AsyncMock(spec=UserViews), dto()
        for found in (ada, None):
            views.find.return_value = found
            assert await GetUserHandler(views).execute(GetUser(user_id=ada.id)) == Success(found)

    async def test_a_page(self) -> None:
        """What is asked for is handed over as it is."""
        views = AsyncMock(spec=UserViews)
        views.page.return_value = page = Page[UserDTO].of([dto()], total=3, page=2, page_size=1)
        assert await list_users(ListUsers(status=Status.ACTIVE, page=2, page_size=1), views) is page
        views.page.assert_awaited_once_with(status=Status.ACTIVE, page=2, page_size=1)

    @pytest.mark.parametrize("found, may", [(dto(), True), (dto(Status.DEACTIVATED), False), (None, False)])
    async def test_members_are_active_users(self, found: UserDTO | None, may: bool) -> None:
        """The policy asks the read model, and not the token."""
        views = AsyncMock(spec=UserViews)
        views.find.return_value = found
        assert await member(Principal(user_id=str(new_id())), views) is may


class TestScrypt:
    """Hashes of passwords."""

    async def test_hashes_are_salted(self) -> None:
        """One password twice makes two hashes, neither shows it, and both match it and nothing else."""
        passwords = ScryptPasswords(cost=2)
        hashes = [await passwords.hashed(PASSWORD) for _ in range(2)]
        assert hashes[0] != hashes[1]
        assert all([await passwords.match(PASSWORD, one) for one in hashes])
        assert not any([await passwords.match(SecretStr("another one 9"), one) for one in hashes])
        assert PASSWORD.get_secret_value() not in "".join(hashes)

    async def test_a_hash_outlives_its_cost(self) -> None:
        """The cost is in the hash, so raising it locks nobody out; nobody matches, at any cost."""
        kept = await ScryptPasswords(cost=2).hashed(PASSWORD)
        assert await ScryptPasswords(cost=4).match(PASSWORD, kept)
        assert not await ScryptPasswords(cost=4).match(PASSWORD, None)
