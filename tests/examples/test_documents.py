"""The API documents of the examples, as somebody reads them who wants to send something."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples import courses, hostfactory, orders, providers
from examples.accounts import accounts
from twofold import App


def bodies_of(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each operation takes, by its id."""
    for place in document["paths"].values():
        for operation in place.values():
            if "requestBody" in operation:
                yield operation["operationId"], operation["requestBody"]["content"]["application/json"]


@pytest.mark.parametrize(
    "app",
    [accounts(database="memory:"), courses.app, hostfactory.app, orders.app, providers.app],
    ids=lambda app: app.name,
)
def test_each_body_without_a_secret_has_an_example(app: App, tmp_path: Path) -> None:
    """Which nobody has to put together from its schema."""
    app.use_database(tmp_path / "unopened.db")
    document = app.http().openapi()
    shown = {name: "example" in body for name, body in bodies_of(document)}
    secret = {name for name, body in bodies_of(document) if "writeOnly" in str(resolved(body["schema"], document))}
    assert {name for name, has in shown.items() if not has} <= secret
    assert shown


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """A schema, or what it refers to."""
    found: dict[str, Any] = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
    return found
