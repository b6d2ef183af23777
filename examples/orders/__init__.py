"""Orders, event-sourced: an aggregate that decides, events that are kept, read models that answer.

`twofold run examples.orders:app` serves it. This file is where it is put together; nothing else knows every part.
"""

from examples.orders.catalogue import catalogue
from examples.orders.commands import commands
from examples.orders.draft_commands import draft_commands
from examples.orders.notices import notices
from examples.orders.queries import queries
from examples.orders.read_models import read_models
from examples.orders.sales import sales
from examples.orders.sales_queries import sales_queries
from twofold import App

__all__ = ["app"]

app = App("orders", modules=[catalogue, draft_commands, commands, read_models, sales, queries, sales_queries, notices])
