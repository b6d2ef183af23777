"""Connections of users to identity providers: immutable messages, three events per command, everything by protocol.

`twofold run examples.providers:app` serves it. This file is where it is put together; nothing else knows every part.
"""

from examples.providers.adapters import (
    ConnectionRow,
    LogMail,
    SimulatedIdentities,
    SqlConnections,
    SqlConnectionViews,
    SqlTrail,
    TrailRow,
)
from examples.providers.commands import commands
from examples.providers.domain import Connections, Identities, Mail, Trail
from examples.providers.door import authenticate
from examples.providers.queries import ConnectionViews, queries
from examples.providers.reactions import reactions
from twofold import App

__all__ = ["app"]

commands.state(ConnectionRow)
commands.provide(Connections, SqlConnections, scope="message")
commands.provide(Identities, SimulatedIdentities, scope="app")
queries.provide(ConnectionViews, SqlConnectionViews, scope="message")
reactions.state(TrailRow)
reactions.provide(Trail, SqlTrail, scope="message")
reactions.provide(Mail, LogMail, scope="app")

app = App("providers", modules=[commands, queries, reactions], authenticate=authenticate)
