"""The door to the tables of read models, which need SQLAlchemy; the log and its checkpoints do not."""

from collections.abc import Collection, Sequence
from functools import cache
from sqlite3 import Connection
from typing import Any

from twofold.errors import Extra
from twofold.store import RowChange


def change_rows(connection: Connection, rows: Sequence[RowChange]) -> None:
    """Apply row changes inside the transaction that is open.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    _room().apply_rows(connection, rows)


def add_tables(connection: Connection, tables: Collection[Any]) -> None:
    """Create the tables that are missing, inside the transaction that is open.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    _room().create_tables(connection, tables)


def refill_views(connection: Connection, views: Collection[Any]) -> None:
    """Fill materialized views that are there from their tables, inside the transaction that is open.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    _room().fill_views(connection, views)


@cache
def _room() -> Any:
    with Extra("sql", room="row changes"):
        from twofold.drivers.sqlite import _rows  # noqa: PLC0415  # SQLAlchemy is an extra
    return _rows
