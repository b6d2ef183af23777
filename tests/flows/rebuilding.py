"""The till in version 2, for a process that a test starts and kills; the environment names its file."""

import os

from tests.app.versions import till
from twofold.drivers.sqlite import SqliteStore

app = till(2, SqliteStore(os.environ["TILL"], durability="normal"))
