"""Requests for machines, event-sourced: one application service over two buses, behind HTTP and a command line.

`twofold run examples.hostfactory:app` serves it, `python -m examples.hostfactory` is its command line. This file is
where it is put together; nothing else knows every part.
"""

from examples.hostfactory.catalogue import FixedTemplates
from examples.hostfactory.commands import commands
from examples.hostfactory.launching import launching
from examples.hostfactory.ports import Provider, Templates
from examples.hostfactory.provider import SimulatedProvider
from examples.hostfactory.queries import RequestViews, queries
from examples.hostfactory.service import HostFactory
from examples.hostfactory.status import SqlRequestViews, status
from twofold import App, Module

__all__ = ["app"]

shared = Module("hostfactory.shared")
shared.provide(Templates, FixedTemplates, scope="app")
shared.provide(Provider, SimulatedProvider())
shared.provide(HostFactory, scope="app")
queries.provide(RequestViews, SqlRequestViews)

app = App("hostfactory", modules=[shared, commands, launching, status, queries])
