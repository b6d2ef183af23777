"""The PostgreSQL store against the model of one page that every store agrees with."""

import secrets

from hypothesis import HealthCheck, settings

from tests.drivers.postgres.schema import drop_schema
from tools.shared_postgres import shared_server
from twofold.drivers.postgres import PostgresStore
from twofold.store import Store
from twofold.testing.model import StoreMachine


class PostgresMachine(StoreMachine):
    """Each example has a schema of its own."""

    def make(self) -> Store:
        self.schema = f"model_{secrets.token_hex(8)}"
        return PostgresStore(shared_server(), schema=self.schema, pool_size=3, readers=1)

    def teardown(self) -> None:
        self.runner.run(drop_schema(self.schema))
        super().teardown()


TestPostgresAgainstModel = PostgresMachine.TestCase
TestPostgresAgainstModel.settings = settings(
    max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
