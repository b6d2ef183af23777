"""Accounts of users, state-stored: transactional commands, a read model beside the write model.

`twofold run examples.accounts:app` serves it. This file is where it is put together; nothing else knows every part.
"""

from examples.accounts.commands import commands
from examples.accounts.domain import Accounts, Passwords
from examples.accounts.overview import SqlAccountViews, overview
from examples.accounts.queries import AccountViews, queries
from examples.accounts.storage import ScryptPasswords, SqlAccounts, account_table
from twofold import App

__all__ = ["app"]

commands.state(account_table)
commands.provide(Accounts, SqlAccounts)
commands.provide(Passwords, ScryptPasswords(), scope="app")
queries.provide(AccountViews, SqlAccountViews)

app = App("accounts", modules=[commands, queries, overview])
