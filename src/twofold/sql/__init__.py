"""SQLAlchemy for users of twofold: sessions that belong to a unit of work, tables of read models, pages.

Handlers and projections import from here. Nothing in here knows a database; drivers implement `Sessions`.
"""

from twofold.errors import Extra, ForeignTenant
from twofold.messages import every_tenant

with Extra("sql", room=__name__):
    from twofold.sql._copying import copy_tables
    from twofold.sql._entities import SqlEntities, entity_trouble
    from twofold.sql._exact import ExactDecimal
    from twofold.sql._fold import DeleteRows, WriteRows, fold, name_rows
    from twofold.sql._joining import AWAITED, BLOCKING, WRITING, SqlPart, session_of, session_runner, sql_provider
    from twofold.sql._lending import LendingSessions
    from twofold.sql._lent import Fetched, LentConnection, ReadingConnection
    from twofold.sql._live import LiveTables, live_tables, unmade_columns
    from twofold.sql._owned import owned_by
    from twofold.sql._page import page_of, sort_by
    from twofold.sql._readable import refused_statement, unreadable_tables
    from twofold.sql._rounding import places_of
    from twofold.sql._sessions import (
        BlockingReadSession,
        BlockingWriteSession,
        ReadSession,
        SessionRolledBack,
        Sessions,
        WriteRefused,
        WriteSession,
    )
    from twofold.sql._statements import Change, RowStatement, Values, place_of, supplied, value_of
    from twofold.sql._tables import create_statements, is_mapped, layout_of, table_of
    from twofold.sql._tenant_id import ForeignRow, TenantId, TenantRequired, tenant_column_of
    from twofold.sql._versioned import RowConflict
    from twofold.sql._view import View, refresh_statements, view_statements

__all__ = [
    "AWAITED",
    "BLOCKING",
    "BlockingReadSession",
    "BlockingWriteSession",
    "Change",
    "DeleteRows",
    "ExactDecimal",
    "Fetched",
    "ForeignRow",
    "ForeignTenant",
    "LendingSessions",
    "LentConnection",
    "LiveTables",
    "ReadSession",
    "ReadingConnection",
    "RowConflict",
    "RowStatement",
    "Sessions",
    "SqlEntities",
    "SqlPart",
    "TenantId",
    "TenantRequired",
    "Values",
    "View",
    "WRITING",
    "SessionRolledBack",
    "WriteRefused",
    "WriteRows",
    "WriteSession",
    "copy_tables",
    "create_statements",
    "entity_trouble",
    "every_tenant",
    "fold",
    "is_mapped",
    "layout_of",
    "live_tables",
    "name_rows",
    "owned_by",
    "page_of",
    "place_of",
    "places_of",
    "refresh_statements",
    "refused_statement",
    "session_of",
    "session_runner",
    "sort_by",
    "sql_provider",
    "supplied",
    "table_of",
    "tenant_column_of",
    "unmade_columns",
    "unreadable_tables",
    "value_of",
    "view_statements",
]
