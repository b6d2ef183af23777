"""Families and categories: what retry, HTTP and the command line key on."""

import pytest

from twofold.errors import (
    Category,
    Conflict,
    Corrupt,
    Exists,
    Family,
    Forbidden,
    Invalid,
    NoSingleVersion,
    NotFound,
    PreconditionFailed,
    Refused,
    StreamClosed,
    TooLarge,
    TwofoldError,
    Unauthenticated,
    Unavailable,
    VersionConflict,
    WiringError,
)


@pytest.mark.parametrize("category", Category)
def test_every_category_has_a_family(category: Category) -> None:
    """A category without a family would be retried or refused by accident."""
    assert category.family in Family


@pytest.mark.parametrize(
    "category, family",
    [
        (Category.INVALID, Family.REFUSED),
        (Category.TOO_LARGE, Family.REFUSED),
        (Category.RATE_LIMITED, Family.UNAVAILABLE),
        (Category.CONFLICT, Family.CONFLICT),
        (Category.CORRUPT, Family.CORRUPT),
        (Category.WIRING, Family.WIRING),
    ],
)
def test_a_category_says_what_the_caller_should_do(category: Category, family: Family) -> None:
    """Only what passes by itself is unavailable; a refusal stays one."""
    assert category.family is family


@pytest.mark.parametrize(
    "error, category, code",
    [
        (TwofoldError("no"), Category.REFUSED, "refused"),
        (Refused("no"), Category.REFUSED, "refused"),
        (Invalid("no"), Category.INVALID, "invalid"),
        (Unauthenticated(), Category.UNAUTHENTICATED, "unauthenticated"),
        (Forbidden(), Category.FORBIDDEN, "forbidden"),
        (NotFound(), Category.NOT_FOUND, "not_found"),
        (Exists(), Category.EXISTS, "exists"),
        (StreamClosed(stream="order-1"), Category.GONE, "stream_closed"),
        (TooLarge(limit=10), Category.TOO_LARGE, "too_large"),
        (NoSingleVersion(), Category.REFUSED, "no_single_version"),
        (PreconditionFailed(stream="order-1"), Category.PRECONDITION, "precondition_failed"),
        (Conflict(), Category.CONFLICT, "conflict"),
        (VersionConflict(stream="order-1", expected=1), Category.CONFLICT, "version_conflict"),
        (Unavailable(), Category.UNAVAILABLE, "unavailable"),
        (Corrupt(), Category.CORRUPT, "corrupt"),
        (WiringError("no"), Category.WIRING, "wiring"),
    ],
)
def test_every_error_has_a_category_and_a_stable_code(error: TwofoldError, category: Category, code: str) -> None:
    """Clients switch on the code, transports on the category."""
    assert (error.category, error.code, error.family) == (category, code, category.family)
