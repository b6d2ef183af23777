"""Accounts of users, state-stored: transactional commands, read models beside the write model, and who may do what.

`twofold run examples.accounts:app` serves it. This file is where it is put together; nothing else knows every part.
"""

import os
import secrets
from typing import Any

from examples.accounts.commands import commands
from examples.accounts.door import SignedTokens, bearer
from examples.accounts.middleware import slow
from examples.accounts.passwords import ScryptPasswords, SimulatedLeaks
from examples.accounts.queries import UserViews, queries
from examples.accounts.read_models import SqlUserViews, read_models
from examples.accounts.services import (
    Credentials,
    LeakedPasswords,
    Passwords,
    Registration,
    SignIns,
    Tokens,
    Users,
)
from examples.accounts.sign_in import sign_in
from examples.accounts.storage import SqlCredentials, SqlUsers, user_table
from twofold import App, Module
from twofold.messages import Kind

__all__ = ["accounts", "app"]

tokens = SignedTokens((os.environ.get("ACCOUNTS_KEY") or secrets.token_hex(32)).encode())

shared = Module("accounts.shared")
shared.provide(Passwords, ScryptPasswords(), scope="app")
shared.provide(LeakedPasswords, SimulatedLeaks, scope="app")
shared.provide(Tokens, tokens)
shared.provide(Registration)
shared.provide(SignIns)

commands.state(user_table)
commands.provide(Users, SqlUsers)
sign_in.provide(Credentials, SqlCredentials)
queries.provide(UserViews, SqlUserViews)


def accounts(**settings: Any) -> App:
    """The application.

    Args:
        settings: More arguments of `App`: another database, say.
    """
    made = App(
        "accounts",
        modules=[shared, commands, sign_in, queries, read_models],
        authenticate=bearer(tokens),
        authorization="required",
        **settings,
    )
    made.use(slow("the whole", 0.5), when=Kind.COMMAND)
    made.use(slow("the whole", 0.1), when=Kind.QUERY)
    made.use(slow("the handler", 0.4), at="inner", when=Kind.COMMAND)
    return made


app = accounts()
