"""The commands of connections, all of them critical: three events tell of each.

Attempted commits before the handler runs, Succeeded with the change, Failed after the roll-back. Providers are asked
before the first write, so that nobody waits in the database for them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from examples.providers.domain import AlreadyConnected, Code, Connection, NotConnected, Provider, UserId
from examples.providers.events import (
    ConnectAttempted,
    ConnectFailed,
    ConnectSucceeded,
    DisconnectAttempted,
    DisconnectFailed,
    DisconnectSucceeded,
    RefreshAttempted,
    RefreshFailed,
    RefreshSucceeded,
)
from examples.providers.ports import Connections, Identities, NotGranted
from twofold import Command, Failure, Lifecycle, Module, Result, Success, signed_in
from twofold.clock import new_id

provider_commands = Module("providers.provider_commands", authorize=signed_in)

NotConnecting: TypeAlias = AlreadyConnected | NotGranted
NotRefreshing: TypeAlias = NotConnected | NotGranted


@dataclass(frozen=True, kw_only=True)
class ConnectProvider(Command[UUID, NotConnecting]):
    """Connect the user's account at a provider; answers the connection's id."""

    user_id: UserId
    provider: Provider
    code: Code


@provider_commands.handler(
    path="/me/providers/{provider}",
    status=201,
    lifecycle=Lifecycle(attempted=ConnectAttempted, succeeded=ConnectSucceeded, failed=ConnectFailed),
)
@dataclass(frozen=True)
class ConnectProviderHandler:
    connections: Connections
    identities: Identities

    async def handle(self, command: ConnectProvider) -> Result[UUID, NotConnecting]:
        user_id, provider = command.user_id, command.provider
        if await self.connections.find(user_id, provider) is not None:
            return Failure(AlreadyConnected(f"{provider} is connected already"))
        granted = await self.identities.exchange(provider, command.code)
        if isinstance(granted, Failure):
            return granted
        account, tokens = granted.value.account, granted.value.tokens
        connection = Connection(id=new_id(), user_id=user_id, provider=provider, account=account, tokens=tokens)
        return (await self.connections.add(connection)).map(lambda _: connection.id)


@dataclass(frozen=True, kw_only=True)
class DisconnectProvider(Command[None, NotConnected]):
    """Undo a connection."""

    user_id: UserId
    provider: Provider


@provider_commands.handler(
    path="/me/providers/{provider}",
    method="DELETE",
    lifecycle=Lifecycle(attempted=DisconnectAttempted, succeeded=DisconnectSucceeded, failed=DisconnectFailed),
)
@dataclass(frozen=True)
class DisconnectProviderHandler:
    connections: Connections

    async def handle(self, command: DisconnectProvider) -> Result[None, NotConnected]:
        if await self.connections.end(command.user_id, command.provider):
            return Success()
        return Failure(NotConnected(f"{command.provider} is not connected"))


@dataclass(frozen=True, kw_only=True)
class RefreshTokens(Command[datetime, NotRefreshing]):
    """Have a provider give other tokens; answers when they expire."""

    user_id: UserId
    provider: Provider


@provider_commands.handler(
    path="/me/providers/{provider}/tokens",
    lifecycle=Lifecycle(attempted=RefreshAttempted, succeeded=RefreshSucceeded, failed=RefreshFailed),
)
@dataclass(frozen=True)
class RefreshTokensHandler:
    connections: Connections
    identities: Identities

    async def handle(self, command: RefreshTokens) -> Result[datetime, NotRefreshing]:
        connection = await self.connections.find(command.user_id, command.provider)
        if connection is None:
            return Failure(NotConnected(f"{command.provider} is not connected"))
        refreshed = await self.identities.refresh(command.provider, connection.tokens)
        if isinstance(refreshed, Failure):
            return refreshed
        if not await self.connections.renew(connection, refreshed.value):
            return Failure(NotConnected(f"{command.provider} was disconnected or refreshed meanwhile"))
        return Success(refreshed.value.expires_at)
