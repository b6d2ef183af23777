"""Orders, event-sourced: an aggregate that decides, events that are kept, read models that answer.

`twofold run examples.orders:app` serves it. This file is where it is put together; nothing else knows every part.
"""

from examples.orders.commands import commands
from examples.orders.queries import queries
from examples.orders.read_models import read_models
from twofold import App

__all__ = ["app"]

app = App("orders", modules=[commands, queries, read_models])
