"""CQRS for Python: commands, queries and events with results, and one log that both sides meet in."""

from twofold.aggregates import Aggregate, Repository
from twofold.app import App, Caller
from twofold.dispatch import (
    CommandBus,
    CommandHandler,
    Dispatcher,
    EventBus,
    EventHandler,
    HandlerConfig,
    Lifecycle,
    Middleware,
    Module,
    QueryBus,
    QueryHandler,
    has_role,
    public,
    signed_in,
)
from twofold.errors import Exists, Forbidden, Invalid, NotFound, Refused, TwofoldError, Unavailable
from twofold.messages import Command, Context, Event, FromContext, Page, Principal, Query, Secret, command, event, query
from twofold.projections import Live, Rows
from twofold.result import Err, Failure, Ok, Result, Success
from twofold.store import UnitOfWork

__all__ = [
    "Aggregate",
    "App",
    "Caller",
    "Command",
    "CommandBus",
    "CommandHandler",
    "Context",
    "Dispatcher",
    "Err",
    "Event",
    "EventBus",
    "EventHandler",
    "Exists",
    "Failure",
    "Forbidden",
    "FromContext",
    "HandlerConfig",
    "Invalid",
    "Lifecycle",
    "Live",
    "Middleware",
    "Module",
    "NotFound",
    "Ok",
    "Page",
    "Principal",
    "Query",
    "QueryBus",
    "QueryHandler",
    "Refused",
    "Repository",
    "Result",
    "Rows",
    "Secret",
    "Success",
    "TwofoldError",
    "Unavailable",
    "UnitOfWork",
    "command",
    "event",
    "has_role",
    "public",
    "query",
    "signed_in",
]
