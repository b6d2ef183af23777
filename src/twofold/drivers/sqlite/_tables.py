"""The door to the tables of read models, which need SQLAlchemy; the log and its checkpoints do not.

What goes through it is guarded like SQL of users: their triggers may hang on these tables.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.errors import Extra
from twofold.store import RowChange


def change_rows(connection: GuardedConnection, rows: Sequence[RowChange]) -> None:
    """Apply row changes inside the transaction that is open.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    connection.run(lambda it: _room().apply_rows(it, rows))


def add_tables(connection: GuardedConnection, tables: Collection[Any]) -> None:
    """Create the tables that are missing, inside the transaction that is open.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    connection.run(lambda it: _room().create_tables(it, tables))


def refill_views(connection: GuardedConnection, views: Collection[Any]) -> None:
    """Fill materialized views that are there from their tables, inside the transaction that is open.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    connection.run(lambda it: _room().fill_views(it, views))


@cache
def _room() -> Any:
    with Extra("sql", room="row changes"):
        from twofold.drivers.sqlite import _rows  # noqa: PLC0415  # SQLAlchemy is an extra
    return _rows
