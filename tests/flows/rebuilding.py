"""The till in version 2, for a process that a test starts and kills; the environment has its address."""

import os

from tests.app.versions import till
from twofold.app._database import store_of

app = till(2, store_of(os.environ["TILL"], "till"))
