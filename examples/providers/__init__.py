"""Users, sessions and connections to identity providers: immutable messages, three events per critical command.

`twofold run examples.providers:app` serves it. This file is where it is put together; nothing else knows every part.

One critical command more takes three events in `events.py`, where they join the three lists; the message and its
handler with `lifecycle=`; and what users are told of it in `reactions.py`. It is logged, noted and offered over HTTP
then.
"""

from starlette.requests import Request

from examples.providers.adapters import LogMail, ScryptPasswords, SimulatedIdentities
from examples.providers.authentication import authenticate
from examples.providers.dtos import ConnectionViews, SessionViews, TrailViews
from examples.providers.ports import Connections, Identities, Mail, Passwords, Sessions, Trail, Users
from examples.providers.provider_commands import provider_commands
from examples.providers.queries import queries
from examples.providers.reactions import reactions
from examples.providers.storage import SqlConnections, SqlSessions, SqlTrail, SqlUsers
from examples.providers.tables import ConnectionRow, SessionRow, TrailRow, UserRow
from examples.providers.user_commands import user_commands
from examples.providers.views import SqlConnectionViews, SqlSessionViews, SqlTrailViews
from twofold import App, Module, Principal

__all__ = ["app"]

infrastructure = Module("providers.infrastructure")
infrastructure.state(UserRow, SessionRow, ConnectionRow, TrailRow)

# As long as a message is handled: what works on its sessions.
infrastructure.provide(Users, SqlUsers)
infrastructure.provide(Sessions, SqlSessions)
infrastructure.provide(Connections, SqlConnections)
infrastructure.provide(Trail, SqlTrail)
infrastructure.provide(ConnectionViews, SqlConnectionViews)
infrastructure.provide(SessionViews, SqlSessionViews)
infrastructure.provide(TrailViews, SqlTrailViews)

# As long as the application.
infrastructure.provide(Passwords, ScryptPasswords())
infrastructure.provide(Identities, SimulatedIdentities, scope="app")
infrastructure.provide(Mail, LogMail, scope="app")


async def who(request: Request) -> Principal | None:
    return await authenticate(request, app)


app = App(
    "providers",
    modules=[user_commands, provider_commands, queries, reactions, infrastructure],
    authenticate=who,
    authorization="required",
)
