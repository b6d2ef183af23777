"""The door to the tables of read models, which need SQLAlchemy; the log and its checkpoints do not."""

from collections.abc import Collection, Sequence
from typing import Any

from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._names import Names
from twofold.errors import Extra
from twofold.store import RowChange


async def change_rows(connection: Connection, rows: Sequence[RowChange]) -> None:
    """Apply row changes inside the transaction that is open.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    with Extra("sql", room="row changes"):
        from twofold.drivers.postgres._rows import apply_rows  # noqa: PLC0415  # SQLAlchemy is an extra
    await apply_rows(connection, rows)


async def add_tables(connection: Connection, tables: Collection[Any], names: Names) -> None:
    """Create the tables that are missing, inside the transaction that is open.

    Raises:
        FaultError: One is missing in the schema of the application, and found where no other one is.
        MissingExtraError: SQLAlchemy is not installed.
    """
    with Extra("sql", room="row changes"):
        from twofold.drivers.postgres._rows import create_tables  # noqa: PLC0415  # SQLAlchemy is an extra
    await create_tables(connection, tables, names)
