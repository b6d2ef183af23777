"""Row security: the database itself shows a transaction the rows of one tenant, whatever SQL it is sent.

A store that is told to has policies made with the tables of tenants, and says at the beginning of each transaction
whose rows it is about. What is no message's (a projection, a rebuild, the refreshing of a view) is about those of all.
"""

from typing import Any, Final

from twofold.drivers.postgres._connection import Connection
from twofold.errors import FaultError
from twofold.messages import current_context, sees_every_tenant


def beginning(connection: Connection, statement: str, *, every: bool = False) -> str:
    """What begins a transaction, and says in the same round trip whose rows it is about: what the message may see.

    Args:
        connection: Its connection.
        statement: What begins it.
        every: Whether it is about those of all tenants, whatever the message may see.
    """
    if not connection.row_security:
        return statement
    connection.shows = _EVERY if every else _of_message()
    return f"{statement}; {connection.shows}"


async def show(connection: Connection, *, every: bool = False) -> None:
    """Have the transaction that is open be about what the message may see now; nothing is sent when it is.

    Args:
        connection: Its connection.
        every: Whether it is about the rows of all tenants, whatever the message may see.
    """
    if connection.row_security:
        wanted = _EVERY if every else _of_message()
        if connection.shows != wanted:
            await connection.execute(wanted)
            connection.shows = wanted


def _of_message() -> str:
    """The statement that says what the message may see; outside of messages that is everything."""
    if sees_every_tenant():
        return _EVERY
    context = current_context()
    tenant = "" if context is None else context.tenant or ""
    # As digits, so that no setting of the server has it read as something else than a text.
    return f"SELECT {_SET.format('every_tenant', _OFF)}, {_SET.format('tenant', _TEXT.format(tenant.encode().hex()))}"


async def secure(connection: Connection, table: str, column: str) -> None:
    """Have a table of tenants show a transaction no other rows, not even to its owner.

    Args:
        connection: A connection in a transaction; of the owner, when there is something to do.
        table: The table, quoted.
        column: The column that says whose a row is, quoted.

    Raises:
        FaultError: The table is so, and the store was not told: it would see no row.
    """
    secured = await connection.fetchval(_SECURED, table)
    if secured and not connection.row_security:
        raise FaultError(
            where=f"the table {table}",
            code="row_security",
            text="has row security, and this process does not know of it: it would see no row",
            hint="say row_security=on in the address of the database",
        )
    if connection.row_security and not secured:
        await connection.execute(_POLICY.format(table=table, column=column))


async def prove_secure(connection: Connection) -> None:
    """Prove that row security holds for this connection, and that what is no message's sees all.

    Raises:
        FaultError: The role is above row security, or something between has not passed the setting on.
    """
    if not connection.row_security:
        return
    above, passed = await connection.fetchrow(_PROOF)
    if above:
        raise FaultError(
            where="the role of the address",
            code="row_security_bypassed",
            text="is a superuser or has BYPASSRLS, so row security does not hold for it",
            hint="connect as another role, which may own the tables",
        )
    if not passed:
        raise FaultError(
            where="the connection to PostgreSQL",
            code="row_security_not_passed",
            text="has not taken the setting twofold.every_tenant",
            hint="have the pooler pass it on",
        )


def is_refusal(error: Any) -> bool:
    """Whether an error of PostgreSQL says that a row would be another tenant's."""
    return getattr(error, "server_source_function", None) == "ExecWithCheckOptions"


_SET: Final = "pg_catalog.set_config('twofold.{}', {}, true)"
_ON: Final = "'on'"
_OFF: Final = "'off'"
_TEXT: Final = "pg_catalog.convert_from(pg_catalog.decode('{}', 'hex'), 'UTF8')"
_EVERY: Final = f"SELECT {_SET.format('every_tenant', _ON)}"

_SECURED: Final = """
    SELECT relrowsecurity AND relforcerowsecurity AND EXISTS (
        SELECT FROM pg_catalog.pg_policy WHERE polrelid = pg_class.oid AND polname = 'twofold_tenant'
    )
    FROM pg_catalog.pg_class WHERE oid = to_regclass($1)
"""
_POLICY: Final = """
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    DROP POLICY IF EXISTS twofold_tenant ON {table};
    CREATE POLICY twofold_tenant ON {table} USING (
        current_setting('twofold.every_tenant', true) = 'on'
        OR {column} = nullif(current_setting('twofold.tenant', true), '')
    )
"""
_PROOF: Final = """
    SELECT rolsuper OR rolbypassrls, current_setting('twofold.every_tenant', true) IS NOT DISTINCT FROM 'on'
    FROM pg_catalog.pg_roles WHERE rolname = current_user
"""
