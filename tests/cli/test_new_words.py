"""The English that names of messages need."""

import pytest

from twofold.app.diagnosis._names import oddity
from twofold.cli.new._words import past, plural, sentence, singular, title, words_of
from twofold.messages import Kind


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
        ("commit", "committed"),
        ("rewrite", "rewritten"),
        ("resend", "resent"),
        ("override", "overridden"),
        ("render", "rendered"),
        ("return", "returned"),
    ],
)
def test_what_is_done_has_happened(verb: str, done: str) -> None:
    """The event of a command is called so."""
    assert past(verb) == done


@pytest.mark.parametrize(
    "verb", ["read", "reset", "rerun", "bid", "undo", "undergo", "withhold", "lead", "feed", "commit"]
)
def test_a_doctor_finds_nothing_odd_in_what_is_done(verb: str) -> None:
    """Nor in the name of the command."""
    assert oddity(type(f"Order{past(verb).capitalize()}", (), {}), Kind.EVENT) is None
    assert oddity(type(f"{verb.capitalize()}Order", (), {}), Kind.COMMAND) is None


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
        ("person", "people"),
        ("shelf", "shelves"),
        ("knife", "knives"),
        ("tariff", "tariffs"),
        ("proof", "proofs"),
        ("safe", "safes"),
        ("sleeve", "sleeves"),
        ("news", "news"),
        ("series", "series"),
        ("alias", "aliases"),
        ("license", "licenses"),
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
