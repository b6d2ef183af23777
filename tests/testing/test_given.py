"""`given`, `when`, `then` without a store: aggregates and projections, and what a failure says."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY

import pytest

from tests.aggregates.lending import Close, Closed, LimitReached, Open, Opened, Withdraw, Withdrawn, account
from tests.aggregates.members import Joined, Member, Paid
from tests.testing.stall import Article, InStock, Sold, SoldByStatement, SoldOut, Stocked, StockRow
from tests.testing.tills import Shelved
from twofold import Event, Exists, Failure, Refused, Rows, Success
from twofold.errors import FaultError, WiringError
from twofold.store import Recorded
from twofold.testing import VirtualClock, given

PENS = Stocked(article="pen", count=2)
SOLD = Sold(article="pen", buyer="ada")


class TestAggregates:
    def test_a_decision_is_compared_with_what_it_records(self) -> None:
        """The events, in order; a method of the class, or any function that takes the aggregate."""
        given(Article, PENS).when(Article.sell, "ada").then(SOLD)
        given(Article, PENS, SOLD).when(lambda article: article.sell(buyer="ada")).then(SOLD)

    def test_what_makes_an_aggregate_is_a_decision_without_events(self) -> None:
        """A class method, and one on a blank aggregate."""
        given(Article).when(Article.stock, "pen", count=2).then(PENS)
        given(Article).when(lambda article: article.record(PENS)).then(PENS)

    def test_making_one_that_is_there_is_a_mistake_of_the_test(self) -> None:
        """It would not see the events that are given."""
        with pytest.raises(WiringError, match="makes a new Article"):
            given(Article, PENS).when(Article.stock, "pen", 2).then(PENS)

    def test_an_event_that_no_log_could_give_back_fails(self) -> None:
        """As it would where it is recorded, whatever the test expects."""
        wrong = Stocked(article=None, count=2)  # type: ignore[arg-type]  # the mistake
        with pytest.raises(WiringError, match="Stocked is recorded, and could not be read again: article"):
            given(Article).when(lambda article: article.record(wrong)).then(wrong)

    def test_a_refusal_is_an_error_or_its_class(self) -> None:
        """And nothing is recorded."""
        decision = given(Article, Stocked(article="pen", count=0)).when(Article.sell, "ada")
        decision.then(SoldOut)
        decision.then(SoldOut("pen"))
        decision.then(Failure(SoldOut("pen")))

    def test_a_refusal_that_is_raised(self) -> None:
        """It counts where it is expected, and is raised where it is not."""

        def explode(article: Article) -> None:
            raise ZeroDivisionError("by design")

        given(Article, PENS).when(explode).then(ZeroDivisionError)
        with pytest.raises(ZeroDivisionError):
            given(Article, PENS).when(explode).then()

    def test_a_refusal_that_records_fails(self) -> None:
        """Whoever refuses must not have recorded anything."""

        def half(article: Article) -> Failure[str]:
            article.record(SOLD)
            return Failure("no")

        with pytest.raises(AssertionError, match="came, and was not expected: Sold"):
            given(Article, PENS).when(half).then(Failure("no"))

    def test_an_expectation_may_leave_open_what_it_cannot_know(self) -> None:
        """A class for an event, `ANY` for a field."""
        given(Article, PENS).when(Article.sell, "ada").then(Sold)
        given(Article, PENS).when(Article.sell, "ada").then(Sold(article="pen", buyer=ANY))

    def test_two_refusals_are_a_mistake_of_the_test(self) -> None:
        """A command is refused once."""
        with pytest.raises(ValueError, match="refused once"):
            given(Article, PENS).when(Article.sell, "ada").then(SoldOut, SoldOut)


class TestEntities:
    ADA = Member(id="ada", email="ada@members", paid=10)

    def test_a_decision_is_compared_with_what_it_records_and_what_becomes_of_the_row(self) -> None:
        """Of its columns those that are set; the entity that is given stays as it is."""
        decision = given(self.ADA).when(Member.pay, 5)
        for _ in range(2):
            decision.then(Paid(amount=5), Member(paid=15))
        decision.then(Paid(amount=5))
        assert (self.ADA.paid, self.ADA.recorded) == (10, ())

    def test_a_refusal_leaves_the_row(self) -> None:
        """Whether or not a test looks at it."""
        given(self.ADA).when(Member.pay, 91).then(Refused, Member(id="ada", paid=10))
        given(self.ADA).when(Member.pay, 91).then(Refused("that is too much"))

    def test_one_may_be_new(self) -> None:
        """What it has recorded before is not what a decision records."""
        new = given(Member).when(Member.join, "bob", "bob@members")
        new.then(Joined(id="bob"), Member(id="bob", email="bob@members"))
        given(Member.join("bob", "bob@members")).when(Member.pay, 5).then(Paid(amount=5))

    def test_a_failure_names_the_columns(self) -> None:
        """Before and after."""
        with pytest.raises(AssertionError) as raised:
            given(self.ADA).when(Member.pay, 5).then(Paid(amount=5), Member(id="ada", paid=14))
        assert str(raised.value).splitlines()[1:] == [
            "  given Member {'id': 'ada', 'email': 'ada@members', 'paid': 10}",
            "  when  Member.pay(5)",
            "  then  Member {'id': 'ada'} differs",
            "             paid: expected 14",
            "                   got      15",
        ]
        with pytest.raises(AssertionError, match="there is no row"):
            given(Article, PENS).when(Article.sell, "ada").then(SOLD, Member(id="ada"))

    def test_no_events_are_given_of_one(self) -> None:
        """Nothing is folded: its row is what it is."""
        with pytest.raises(WiringError, match=r"give it as it is, given\(Member\(\.\.\.\)\)"):
            given(Member, Joined(id="ada"))


class TestWhatFailuresSay:
    def said(self, decision: Any, *expected: object) -> list[str]:
        with pytest.raises(AssertionError) as raised:
            decision.then(*expected)
        return str(raised.value).splitlines()

    def test_events_are_compared_field_by_field(self) -> None:
        """Both values below each other, under what was given and asked; what did not come is told too."""
        decision = given(Article, PENS).when(Article.sell, "ada")
        assert self.said(decision, Sold(article="pen", buyer="bob"), Stocked) == [
            "what came is not what was expected",
            "  given Stocked(article='pen', count=2)",
            "  when  Article.sell('ada')",
            "  then  1. Sold differs",
            "             buyer: expected 'bob'",
            "                    got      'ada'",
            "        -  did not come: any Stocked",
        ]

    def test_what_came_and_was_not_expected(self) -> None:
        """One event too many does not make all others wrong."""

        def twice(article: Article) -> None:
            article.record(PENS)
            article.record(SOLD)

        assert self.said(given(Article).when(twice), SOLD)[-2:] == [
            "  then  1. came, and was not expected: Stocked(article='pen', count=2)",
            "        2. Sold",
        ]

    def test_a_decision_that_went_the_other_way(self) -> None:
        """Refused instead of accepted, and the other way round."""
        refused = given(Article, Stocked(article="pen", count=0)).when(Article.sell, "ada")
        assert "  then  it was refused: SoldOut('no pen is left')" in self.said(refused, SOLD)
        accepted = given(Article, PENS).when(Article.sell, "ada")
        assert "  then  it was accepted, and expected to be refused: any SoldOut" in self.said(accepted, SoldOut)

    def test_another_refusal(self) -> None:
        """Its text and its facts."""
        refused = given(Article, Stocked(article="pen", count=0)).when(Article.sell, "ada")
        assert self.said(refused, SoldOut("ink"))[-4:] == [
            "             text: expected 'no ink is left'",
            "                   got      'no pen is left'",
            "             article: expected 'ink'",
            "                      got      'pen'",
        ]


class TestDeciders:
    def test_a_command_is_decided_on_what_happened_before(self) -> None:
        """Events, nothing to do, or a refusal."""
        opened = Opened(account_id="a")
        given(account).when(Open(account_id="a")).then(opened)
        given(account, opened).when(Withdraw(account_id="a", amount=100)).then(Withdrawn(amount=100), LimitReached)
        given(account, opened, Closed()).when(Close(account_id="a")).then()
        given(account, opened).when(Open(account_id="a")).then(Exists)

    def test_a_failure_says_what_was_decided(self) -> None:
        """With the command that was given."""
        with pytest.raises(AssertionError, match=r"(?s)Withdraw\(account_id='a', amount=1\).*amount.*2.*1"):
            given(account, Opened(account_id="a")).when(Withdraw(account_id="a", amount=1)).then(Withdrawn(amount=2))


class TestProjections:
    def test_rows_are_what_the_events_come_to(self) -> None:
        """Column by column; those that are not set are not compared."""
        given(InStock, PENS, SOLD).then(StockRow(article="pen", left=1))
        given(InStock, PENS, Stocked(article="ink", count=1)).then(StockRow(article="ink"), StockRow(article="pen"))

    def test_no_row_means_none(self) -> None:
        """Where nothing is expected, nothing may be there."""
        given(InStock).then()
        with pytest.raises(AssertionError, match="was not expected"):
            given(InStock, PENS).then()

    def test_a_failure_names_row_and_column(self) -> None:
        """What differs, what is missing and what is too much."""
        with pytest.raises(AssertionError) as raised:
            given(InStock, PENS, Stocked(article="ink", count=1)).then(
                StockRow(article="pen", left=3), StockRow(article="gum", left=0)
            )
        assert str(raised.value).splitlines()[3:] == [
            "  when  InStock has seen them",
            "  then  StockRow {'article': 'pen'} differs",
            "             left: expected 3",
            "                   got      2",
            "        StockRow: there is no row {'article': 'gum', 'left': 0}",
            "        StockRow: was not expected: {'article': 'ink', 'left': 1}",
        ]

    def test_events_happen_when_the_clock_says(self) -> None:
        """A method that asks for the entry in the log is given the time of the test."""
        seen = list[datetime]()

        class Times:
            def stocked(self, event: Stocked, rows: Rows, recorded: Recorded) -> None:
                seen.append(recorded.time)

        noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
        given(Times, PENS, clock=VirtualClock(noon)).then()
        assert seen == [noon]

    def test_a_method_may_be_called_like_that_of_a_handler(self) -> None:
        """What a module declares as a projection is one."""
        untyped: Any = given  # to a checker it is a handler
        untyped(Shelved, PENS).then(StockRow(article="pen", left=2))

    def test_one_that_needs_a_session_says_so(self) -> None:
        """Its rows are SQL's, so its module is what to test."""
        with pytest.raises(FaultError, match="AsyncSession"):
            given(SoldByStatement, SOLD).then()


def test_something_else_is_nothing_to_test() -> None:
    """A subject that is none says what one is."""
    subject: Any = Success(Event())
    with pytest.raises(WiringError, match="nothing to test"):
        given(subject)
