"""The write side. Each command tells that it was attempted, and then that it succeeded or failed, and why.

Attempted commits at once and Failed after the roll-back: both survive it. Succeeded commits with the change itself.
"""

from dataclasses import dataclass
from typing import Annotated, TypeAlias
from uuid import UUID

from examples.providers.domain import (
    AlreadyConnected,
    Code,
    CodeRefused,
    ConnectAttempted,
    ConnectFailed,
    Connection,
    Connections,
    ConnectSucceeded,
    DisconnectAttempted,
    DisconnectFailed,
    DisconnectSucceeded,
    Identities,
    NotConnected,
    Provider,
)
from twofold import Command, EventBus, Failure, FromContext, Module, Result, Success, Unavailable
from twofold.clock import new_id

commands = Module("providers.commands")

UserId: TypeAlias = Annotated[UUID, FromContext("user_id")]
"""Who is logged in: filled by the door, so that nobody acts for somebody else."""

NotConnecting: TypeAlias = AlreadyConnected | CodeRefused | Unavailable


@dataclass(frozen=True, kw_only=True)
class ConnectProvider(Command[UUID, NotConnecting]):
    """Connect the user's account at a provider; answers the connection's id."""

    user_id: UserId
    provider: Provider
    code: Code


@commands.handler(path="/me/providers/{provider}", status=201)
@dataclass(frozen=True)
class ConnectProviderHandler:
    connections: Connections
    identities: Identities
    events: EventBus

    async def handle(self, command: ConnectProvider) -> Result[UUID, NotConnecting]:
        user_id, provider = command.user_id, command.provider
        await self.events.publish(ConnectAttempted(user_id=user_id, provider=provider), survive=True)
        result = await self._connect(command)
        match result:
            case Success():
                await self.events.publish(ConnectSucceeded(user_id=user_id, provider=provider))
            case Failure(error):
                failed = ConnectFailed(user_id=user_id, provider=provider, reason=str(error))
                await self.events.publish(failed, survive=True)
        return result

    async def _connect(self, command: ConnectProvider) -> Result[UUID, NotConnecting]:
        account = await self.identities.account_of(command.provider, command.code)
        if isinstance(account, Failure):
            return account
        if await self.connections.find(command.user_id, command.provider) is not None:
            return Failure(AlreadyConnected(f"{command.provider} is connected already"))
        connection = Connection(id=new_id(), user_id=command.user_id, provider=command.provider, account=account.value)
        await self.connections.add(connection)
        return Success(connection.id)


@dataclass(frozen=True, kw_only=True)
class DisconnectProvider(Command[None, NotConnected]):
    """Undo a connection."""

    user_id: UserId
    provider: Provider


@commands.handler(path="/me/providers/{provider}", method="DELETE")
@dataclass(frozen=True)
class DisconnectProviderHandler:
    connections: Connections
    events: EventBus

    async def handle(self, command: DisconnectProvider) -> Result[None, NotConnected]:
        user_id, provider = command.user_id, command.provider
        await self.events.publish(DisconnectAttempted(user_id=user_id, provider=provider), survive=True)
        connection = await self.connections.find(user_id, provider)
        if connection is None:
            refused = NotConnected(f"{provider} is not connected")
            failed = DisconnectFailed(user_id=user_id, provider=provider, reason=str(refused))
            await self.events.publish(failed, survive=True)
            return Failure(refused)
        await self.connections.remove(connection)
        await self.events.publish(DisconnectSucceeded(user_id=user_id, provider=provider))
        return Success()
