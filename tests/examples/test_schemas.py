"""Every example answers whatever its API document allows, and refuses what it does not, as the document says."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS, load_all_checks

from examples import courses, hostfactory, orders, providers
from examples.accounts import accounts
from examples.accounts.passwords import ScryptPasswords
from examples.accounts.services import Passwords
from tests.web.serving import served
from twofold import App

CASES = 4
"""For each operation and mode: many would be found slowly, and the same each time."""


def accounts_app() -> App:
    """Accounts, whose passwords cost little."""
    app = accounts(database="memory:")
    app.override(Passwords, ScryptPasswords(cost=2))
    return app


EXAMPLES: dict[str, Callable[[], App]] = {
    "accounts": accounts_app,
    "courses": lambda: courses.app,
    "hostfactory": lambda: hostfactory.app,
    "orders": lambda: orders.app,
    "providers": lambda: providers.app,
}


@pytest.mark.faults
@pytest.mark.parametrize("name", EXAMPLES)
def test_what_the_document_says_is_what_is_answered(name: str, tmp_path: Path) -> None:
    """No server error, and no status, content type, header or body that is not described; no wrong input is accepted.

    A rule of the domain refuses input that fits the document, so it is not asked that all of that be accepted.
    """
    app = EXAMPLES[name]()
    app.use_database(tmp_path / "example.db")
    web = app.http()
    schema = schemathesis.openapi.from_dict(web.openapi())
    with served(web) as (address, _):
        for found in schema.get_all_operations():
            operation = cast("Any", found).ok()
            for mode in schemathesis.GenerationMode:
                with contextlib.suppress(Unsatisfiable):  # where nothing can be sent, nothing wrong can be
                    _try(operation, mode, address)


def _try(operation: Any, mode: schemathesis.GenerationMode, address: str) -> None:
    load_all_checks()
    excluded = [CHECKS.get_one("positive_data_acceptance")]

    @seed(7)
    @settings(
        max_examples=CASES,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        case.call_and_validate(base_url=address, excluded_checks=excluded)

    call()
