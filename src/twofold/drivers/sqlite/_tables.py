"""The door to the tables of read models, which need SQLAlchemy; the log and its checkpoints do not."""

from collections.abc import Collection, Sequence
from sqlite3 import Connection
from typing import Any

from twofold.errors import MissingExtraError
from twofold.store import RowChange


def change_rows(connection: Connection, rows: Sequence[RowChange]) -> None:
    """Apply row changes inside the transaction that is open.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    try:
        from twofold.drivers.sqlite._rows import apply_rows  # noqa: PLC0415  # SQLAlchemy is an extra
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    apply_rows(connection, rows)


def add_tables(connection: Connection, tables: Collection[Any]) -> None:
    """Create the tables that are missing, inside the transaction that is open.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    try:
        from twofold.drivers.sqlite._rows import create_tables  # noqa: PLC0415  # SQLAlchemy is an extra
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    create_tables(connection, tables)


def refill_views(connection: Connection, views: Collection[Any]) -> None:
    """Fill materialized views that are there from their tables, inside the transaction that is open.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
    """
    try:
        from twofold.drivers.sqlite._rows import fill_views  # noqa: PLC0415  # SQLAlchemy is an extra
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    fill_views(connection, views)


def _missing(error: ModuleNotFoundError) -> Exception:
    if error.name is None or not error.name.startswith("sqlalchemy"):
        return error
    return MissingExtraError(room="row changes", extra="sql", package="sqlalchemy")
