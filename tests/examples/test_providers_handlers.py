"""The handlers of the providers example alone, with fakes for what they ask for by protocol; and the kept answers."""

from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import AsyncMock, Mock
from uuid import UUID

import pytest
from pydantic import SecretStr

from examples.providers import app as providers
from examples.providers.adapters import ScryptPasswords, SimulatedIdentities
from examples.providers.domain import (
    AlreadyConnected,
    Connection,
    EmailTaken,
    NotConnected,
    Provider,
    ProviderRefused,
    Tokens,
    User,
    WrongPassword,
    digest_of,
)
from examples.providers.dtos import ConnectionViews, SessionViews
from examples.providers.events import ATTEMPTED, FAILED, SUCCEEDED
from examples.providers.ports import Connections, Grant, Identities, Passwords, Sessions, Users
from examples.providers.provider_commands import (
    ConnectProvider,
    ConnectProviderHandler,
    DisconnectProvider,
    DisconnectProviderHandler,
    RefreshTokens,
    RefreshTokensHandler,
)
from examples.providers.queries import FindOwner, ListConnections, find_owner
from examples.providers.user_commands import (
    ChangePassword,
    ChangePasswordHandler,
    LogIn,
    LogInHandler,
    RegisterUser,
    RegisterUserHandler,
)
from twofold import App, Caller, Failure, Page, Principal, Success, Unavailable
from twofold.clock import Clock, SystemClock, new_id
from twofold.errors import Unauthenticated

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
USER = User(id=new_id(), email="ada@example.com", password_hash="hash")
TOKENS = Tokens(access=SecretStr("access"), refresh=SecretStr("refresh"), expires_at=NOON)
CONNECTION = Connection(id=new_id(), user_id=USER.id, provider=Provider.GITHUB, account="ada", tokens=TOKENS)
PASSWORD = SecretStr("correct horse 9")


def test_the_critical_commands_declare_all_events_that_there_are() -> None:
    """Attempted, succeeded and failed for each; none is left out of the lists that reactions go by."""
    told = {
        one.target: dict(zip(("attempted", "succeeded", "failed"), one.options["lifecycle"].events(), strict=True))
        for module in providers.modules
        for one in module
        if "lifecycle" in one.options
    }
    assert list(told) == [
        *(RegisterUserHandler, ChangePasswordHandler),
        *(ConnectProviderHandler, DisconnectProviderHandler, RefreshTokensHandler),
    ]
    for state, events in {"attempted": ATTEMPTED, "succeeded": SUCCEEDED, "failed": FAILED}.items():
        assert tuple(one[state] for one in told.values()) == events


class TestUsers:
    def _fakes(self, known: User | None = USER, *, matches: bool = True) -> tuple[AsyncMock, AsyncMock, Mock]:
        users, passwords, clock = AsyncMock(spec=Users), AsyncMock(spec=Passwords), Mock(spec=Clock)
        users.find.return_value = users.get.return_value = known
        users.add.return_value = Success()
        passwords.hashed.return_value, passwords.match.return_value = "new hash", matches
        clock.now.return_value = NOON
        return users, passwords, clock

    async def test_registering(self) -> None:
        """Keeps a hash of the password, and answers the user's id."""
        users, passwords, _ = self._fakes()
        answer = await RegisterUserHandler(users, passwords).handle(RegisterUser(email="a@b.org", password=PASSWORD))
        (user,) = users.add.await_args.args
        assert (answer, user.password_hash) == (Success(user.id), "new hash")
        assert "new hash" not in repr(user)

    async def test_registering_a_taken_address(self) -> None:
        """What the repository refuses is the answer."""
        users, passwords, _ = self._fakes()
        users.add.return_value = refusal = Failure(EmailTaken("taken"))
        answer = await RegisterUserHandler(users, passwords).handle(RegisterUser(email="a@b.org", password=PASSWORD))
        assert answer == refusal

    async def test_logging_in(self) -> None:
        """Keeps a digest of the token, and answers the token."""
        users, passwords, clock = self._fakes()
        sessions = AsyncMock(spec=Sessions)
        handler = LogInHandler(users, sessions, passwords, clock)
        token = (await handler.handle(LogIn(email="a@b.org", password=PASSWORD))).unwrap()
        (session,) = sessions.add.await_args.args
        assert (session.user_id, session.opened_at) == (USER.id, NOON)
        assert session.token_digest == digest_of(SecretStr(token)) != token

    @pytest.mark.parametrize("known, matches", [(None, False), (USER, False)])
    async def test_logging_in_in_vain(self, known: User | None, matches: bool) -> None:
        """A password is looked at even where there is no user, so that both take as long."""
        users, passwords, clock = self._fakes(known, matches=matches)
        sessions = AsyncMock(spec=Sessions)
        answer = await LogInHandler(users, sessions, passwords, clock).handle(LogIn(email="a@b.org", password=PASSWORD))
        assert isinstance(answer.error, Unauthenticated)
        passwords.match.assert_awaited_once_with(PASSWORD, None if known is None else "hash")
        sessions.add.assert_not_awaited()

    async def test_changing_the_password(self) -> None:
        """Answers when, and names the user as it was found."""
        users, passwords, clock = self._fakes()
        users.change_password.return_value = True
        command = ChangePassword(user_id=USER.id, current=PASSWORD, new=PASSWORD)
        assert await ChangePasswordHandler(users, passwords, clock).handle(command) == Success(NOON)
        users.change_password.assert_awaited_once_with(USER, "new hash")

    @pytest.mark.parametrize("known, matches, changed", [(None, True, True), (USER, False, True), (USER, True, False)])
    async def test_changing_it_in_vain(self, known: User | None, matches: bool, changed: bool) -> None:
        """Nobody, another password, and one that has changed meanwhile are refused."""
        users, passwords, clock = self._fakes(known, matches=matches)
        users.change_password.return_value = changed
        command = ChangePassword(user_id=USER.id, current=PASSWORD, new=PASSWORD)
        answer = await ChangePasswordHandler(users, passwords, clock).handle(command)
        assert isinstance(answer.error, WrongPassword)

    async def test_the_door_finds_the_owner_by_digest(self) -> None:
        """The token itself goes no further."""
        sessions = AsyncMock(spec=SessionViews)
        sessions.owner.return_value = USER.id
        assert await find_owner(FindOwner(token=SecretStr("token")), sessions) == USER.id
        sessions.owner.assert_awaited_once_with(digest_of(SecretStr("token")))


class TestConnections:
    def _fakes(self, known: Connection | None) -> tuple[AsyncMock, AsyncMock]:
        connections, identities = AsyncMock(spec=Connections), AsyncMock(spec=Identities)
        connections.find.return_value = known
        connections.add.return_value = Success()
        identities.exchange.return_value = Success(Grant(account="ada", tokens=TOKENS))
        identities.refresh.return_value = Success(TOKENS)
        return connections, identities

    _connect = ConnectProvider(user_id=USER.id, provider=Provider.GITHUB, code=SecretStr("code"))
    _refresh = RefreshTokens(user_id=USER.id, provider=Provider.GITHUB)

    async def test_connecting(self) -> None:
        """Keeps what the provider has granted."""
        connections, identities = self._fakes(None)
        answer = await ConnectProviderHandler(connections, identities).handle(self._connect)
        (connection,) = connections.add.await_args.args
        assert (answer, connection.account, connection.tokens) == (Success(connection.id), "ada", TOKENS)

    async def test_connecting_again_spends_no_code(self) -> None:
        """A code is good for one exchange, so nobody is asked where that is in vain."""
        connections, identities = self._fakes(CONNECTION)
        match await ConnectProviderHandler(connections, identities).handle(self._connect):
            case Failure(AlreadyConnected() as error):
                assert error.detail == "github is connected already"
            case other:
                pytest.fail(str(other))
        identities.exchange.assert_not_awaited()

    @pytest.mark.parametrize("error", [ProviderRefused("no"), Unavailable("down")], ids=repr)
    async def test_what_the_provider_says_is_the_answer(self, error: ProviderRefused | Unavailable) -> None:
        """Nothing is written then."""
        connections, identities = self._fakes(None)
        identities.exchange.return_value = Failure(error)
        assert await ConnectProviderHandler(connections, identities).handle(self._connect) == Failure(error)
        connections.add.assert_not_awaited()

    @pytest.mark.parametrize("ended", [True, False])
    async def test_disconnecting(self, ended: bool) -> None:
        """What is not there is a Failure, never raised."""
        connections, _ = self._fakes(CONNECTION)
        connections.end.return_value = ended
        command = DisconnectProvider(user_id=USER.id, provider=Provider.GITHUB)
        answer = await DisconnectProviderHandler(connections).handle(command)
        assert answer == Success() if ended else isinstance(answer.error, NotConnected)

    async def test_refreshing(self) -> None:
        """Keeps other tokens in the place of those that it has sent, and answers when they expire."""
        connections, identities = self._fakes(CONNECTION)
        connections.renew.return_value = True
        assert await RefreshTokensHandler(connections, identities).handle(self._refresh) == Success(NOON)
        connections.renew.assert_awaited_once_with(CONNECTION, TOKENS)

    async def test_refreshing_in_vain(self) -> None:
        """Without a connection, against the provider's will, and where the connection has ended meanwhile."""
        connections, identities = self._fakes(None)
        handler = RefreshTokensHandler(connections, identities)
        assert isinstance((await handler.handle(self._refresh)).error, NotConnected)
        connections.find.return_value, connections.renew.return_value = CONNECTION, False
        assert isinstance((await handler.handle(self._refresh)).error, NotConnected)
        identities.refresh.return_value = refusal = Failure(ProviderRefused("no"))
        assert await handler.handle(self._refresh) == refusal


class TestAdapters:
    async def test_passwords_are_salted(self) -> None:
        """One password twice makes two hashes; each is of it, and of no other one."""
        passwords = ScryptPasswords(cost=2)
        one, other = [await passwords.hashed(PASSWORD) for _ in range(2)]
        assert one != other
        assert PASSWORD.get_secret_value() not in one
        assert [await passwords.match(PASSWORD, known) for known in (one, other, None)] == [True, True, False]
        assert not await passwords.match(SecretStr("another one"), one)

    async def test_tokens_are_new_each_time(self) -> None:
        """And none of them shows what it is."""
        identities = SimulatedIdentities(SystemClock())
        granted = (await identities.exchange(Provider.GITHUB, SecretStr("user:ada"))).unwrap()
        renewed = (await identities.refresh(Provider.GITHUB, granted.tokens)).unwrap()
        assert renewed.access != granted.tokens.access
        assert granted.tokens.refresh.get_secret_value() not in repr(granted)


async def test_the_list_of_connections_is_kept_until_one_changes(tmp_path: Path) -> None:
    """A miss fills, the next one hits, nobody is given another one's answer, and what changes it ends it."""
    views = AsyncMock(spec=ConnectionViews)
    views.page.return_value = Page(items=(), total=0)
    app = App("providers", modules=providers.modules, database=tmp_path / "providers.db")
    app.override(ConnectionViews, views)
    ada, bob = new_id(), new_id()

    async def asked_by(user_id: UUID) -> int:
        (await _caller(app, user_id).execute(ListConnections(user_id=user_id))).unwrap()
        count: int = views.page.await_count
        return count

    async with app:
        assert [await asked_by(one) for one in (ada, ada, bob, bob, ada)] == [1, 1, 2, 2, 2]
        connect = ConnectProvider(user_id=ada, provider=Provider.GITHUB, code=SecretStr("user:ada"))
        (await _caller(app, ada).execute(connect)).unwrap()
        await app.settle()
        assert [await asked_by(ada) for _ in range(2)] == [3, 3]


def _caller(app: App, user_id: UUID) -> Caller:
    return app.caller(principal=Principal(user_id=str(user_id)))
