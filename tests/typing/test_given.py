"""What type checkers make of the test kit: each subject has a `when` and a `then` of its own."""

from typing import Any, assert_type

import pytest

from tests.aggregates.members import Member
from tests.testing.stall import Article, InStock, Sell, Sold, Stocked, StockRow, stall
from tests.testing.tills import SCANNER, Ringing
from twofold import NotFound, Result
from twofold.testing import given
from twofold.testing._application import GivenApp
from twofold.testing._decision import Decision, GivenEntity
from twofold.testing._projection import GivenRows


def test_each_subject_has_its_own_answer() -> None:
    """An aggregate, though a class as well, is no projection; modules and handlers of any form are applications."""
    pens = Stocked(article="pen", count=2)
    assert_type(given(Article, pens), GivenEntity[Article])
    rows = given(InStock, pens)
    assert_type(rows, GivenRows)
    rows.then(StockRow(article="pen", left=2))
    assert_type(given(stall(), pens), GivenApp)
    assert_type(given(Ringing, pens), GivenApp)
    assert_type(given(SCANNER, pens), GivenApp)
    assert_type(given(Member(id="ada")), GivenEntity[Member])


@pytest.mark.anyio
async def test_a_decision_takes_what_its_method_takes() -> None:
    """Its arguments are checked, and it is compared at once; what an application does is awaited."""
    decision = given(Article, Stocked(article="pen", count=2)).when(Article.sell, "ada")
    assert_type(decision, Decision)
    decision.then(Sold)
    result = await given(stall()).when(Sell(article="pen", buyer="ada")).then(NotFound)
    assert_type(result, Result[Any, Any])
