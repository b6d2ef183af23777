"""A service with the rights that docs/schema.md grants, and no others, has all that a store promises."""

import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from tests.drivers.postgres.conftest import NewStore, Plain
from tests.drivers.postgres.schema import schema_of
from tests.drivers.postgres.test_conformance import OnPostgres
from twofold.drivers.postgres import PostgresStore
from twofold.errors import Forbidden
from twofold.testing._store_appends import Appends
from twofold.testing._store_audit import Audits
from twofold.testing._store_audit_cuts import AuditCuts
from twofold.testing._store_boundaries import Boundaries
from twofold.testing._store_case import append
from twofold.testing._store_checkpoints import Checkpoints
from twofold.testing._store_closing import Closings, close

PAGE = (Path(__file__).parents[3] / "docs" / "schema.md").read_text()
USUAL, PRUNING, CLOSING = re.findall(r"^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
async def role_url(postgres_url: str, plain: Plain) -> AsyncIterator[str]:
    """A database that was upgraded by its owner, for a role with the rights of the page."""
    role, schema = f"test_{secrets.token_hex(8)}", schema_of(postgres_url)
    await PostgresStore(postgres_url, schema=schema).upgrade()
    await plain.execute("CREATE TABLE tally (name text PRIMARY KEY, count integer NOT NULL)")
    await plain.execute(f"CREATE ROLE {role}")
    await plain.execute(USUAL.replace("club_service", role).replace("public", schema))
    await plain.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON tally TO {role}")
    yield f"{postgres_url}&role={role}"
    await plain.execute(f"DROP OWNED BY {role}")
    await plain.execute(f"DROP ROLE {role}")


@pytest.fixture
async def pruning_url(role_url: str, plain: Plain) -> str:
    """The same, for a role that may take old entries out of the audit trail."""
    role, schema = parse_qs(urlsplit(role_url).query)["role"][0], schema_of(role_url)
    await plain.execute(PRUNING.replace("club_service", role).replace("public", schema))
    return role_url


class TestGrantedStore(OnPostgres, Appends, Audits, Boundaries, Checkpoints):
    """What writes to every table and reads it, for a role that may change none; the same SQL serves everything else."""

    @pytest.fixture
    def new_store(self, role_url: str) -> NewStore:
        """Stores of that role; they find their tables, and upgrade nothing."""
        return lambda **settings: PostgresStore(role_url, schema=schema_of(role_url), migrate=False, **settings)


class TestPruningStore(OnPostgres, AuditCuts):
    """What takes old entries away, for a role that may."""

    @pytest.fixture
    def new_store(self, pruning_url: str) -> NewStore:
        """Stores of that role; they find their tables, and upgrade nothing."""
        return lambda **settings: PostgresStore(pruning_url, schema=schema_of(pruning_url), migrate=False, **settings)


@pytest.fixture
async def closing_url(role_url: str, plain: Plain) -> str:
    """The same, for a role that may close streams."""
    role, schema = parse_qs(urlsplit(role_url).query)["role"][0], schema_of(role_url)
    await plain.execute(CLOSING.replace("club_service", role).replace("public", schema))
    return role_url


class TestClosingStore(OnPostgres, Closings):
    """What closes streams, for a role that may; a rearrangement of no table needs no right."""

    @pytest.fixture
    def new_store(self, closing_url: str) -> NewStore:
        """Stores of that role; they find their tables, and upgrade nothing."""
        return lambda **settings: PostgresStore(closing_url, schema=schema_of(closing_url), migrate=False, **settings)


@pytest.mark.anyio
async def test_a_service_closes_no_stream(role_url: str) -> None:
    """It is told so, nothing is changed, and it goes on."""
    store = PostgresStore(role_url, schema=schema_of(role_url), migrate=False)
    await store.start()
    try:
        await store.commit(append("a", 2))
        with pytest.raises(Forbidden, match=r"role of this address.*twofold_closings"):
            await close(store, "a", 2)
        assert await store.find_closing("a") is None
        assert (await store.commit(append("a"))).versions == {"a": 3}
    finally:
        await store.stop()


@pytest.mark.anyio
async def test_it_may_change_no_table(role_url: str) -> None:
    """The database refuses it, so that the rights are no more than what is granted."""
    connection = await asyncpg.connect(role_url)
    try:
        for refused in (
            "CREATE TABLE mine (id integer)",
            "DROP TABLE twofold_tags",
            "DELETE FROM twofold_events",
            "INSERT INTO twofold_closings SELECT * FROM twofold_closings",
            "DELETE FROM twofold_audit",
            "DELETE FROM twofold_audit_blocks",
            "INSERT INTO twofold_audit_cuts SELECT * FROM twofold_audit_cuts",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied|must be owner"):
                await connection.execute(refused)
    finally:
        await connection.close()


@pytest.mark.anyio
async def test_functions_have_the_rights_of_their_caller(role_url: str) -> None:
    """So a role can do nothing through them that it may not do by itself."""
    connection = await asyncpg.connect(role_url)
    try:
        functions = await connection.fetch(
            "SELECT proname, prosecdef FROM pg_proc WHERE pronamespace = $1::text::regnamespace", schema_of(role_url)
        )
    finally:
        await connection.close()
    assert len(functions) > 10
    assert [name for name, definer in functions if definer] == []
