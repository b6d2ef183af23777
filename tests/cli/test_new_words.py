"""The English that names of messages need."""

import pytest

from twofold.cli.new._words import past, plural, sentence, singular, title, words_of


@pytest.mark.parametrize(
    "verb, done",
    [
        ("place", "placed"),
        ("pay", "paid"),
        ("ship", "shipped"),
        ("cancel", "cancelled"),
        ("add", "added"),
        ("open", "opened"),
        ("copy", "copied"),
        ("deploy", "deployed"),
        ("fix", "fixed"),
        ("follow", "followed"),
        ("create", "created"),
        ("send", "sent"),
        ("confirm", "confirmed"),
        ("submit", "submitted"),
        ("refund", "refunded"),
        ("visit", "visited"),
    ],
)
def test_what_is_done_has_happened(verb: str, done: str) -> None:
    """The event of a command is called so."""
    assert past(verb) == done


@pytest.mark.parametrize(
    "one, many",
    [
        ("order", "orders"),
        ("category", "categories"),
        ("day", "days"),
        ("address", "addresses"),
        ("box", "boxes"),
        ("branch", "branches"),
        ("status", "statuses"),
        ("warehouse", "warehouses"),
        ("purchase", "purchases"),
    ],
)
def test_a_feature_has_many_of_a_thing(one: str, many: str) -> None:
    """There and back, and what is many already stays."""
    assert (plural(one), singular(many), plural(many), singular(one)) == (many, one, many, one)


def test_names_come_apart_and_together() -> None:
    """By their capitals."""
    assert words_of("ChangeOrderAddress") == ["change", "order", "address"]
    assert title(["order", "address", "changed"]) == "OrderAddressChanged"
    assert sentence("ImportHTTPCall") == "Import http call"
