"""The end: every endpoint is a message, what happens is recorded, and a read model of its own is made of that.

`twofold run examples.moving.after:app` serves it. Of the old application the tables and the answers are left.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from examples.moving.attached import books
from examples.moving.before import BookShown, LoanShown
from examples.moving.reading import lists
from examples.moving.tables import Book, Loan
from examples.moving.writing import AllLent, LendBook, lend_book
from twofold import App, Command, Event, Failure, Module, NotFound, Query, Result, Rows, Success, UnitOfWork
from twofold.sql import BlockingReadSession

desk = Module("desk")


@dataclass(frozen=True, kw_only=True)
class BookLent(Event):
    """A reader has taken a book home."""

    book_id: int
    reader: str


@dataclass(frozen=True, kw_only=True)
class BookReturned(Event):
    """A reader has brought a book back."""

    book_id: int
    reader: str


@dataclass(frozen=True, kw_only=True)
class AddBook(Command[BookShown]):
    """Add a book, and how many copies of it there are."""

    title: Annotated[str, Field(min_length=1, examples=["Emma"])]
    author: Annotated[str, Field(examples=["Austen"])]
    copies: Annotated[int, Field(gt=0)] = 1


@dataclass(frozen=True, kw_only=True)
class ReturnBook(Command[None]):
    """Bring a book back."""

    loan_id: int


@desk.handler(path="/books", status=201)
def add_book(command: AddBook, session: Session) -> BookShown:
    book = Book(title=command.title, author=command.author, copies=command.copies)
    session.add(book)
    session.flush()
    return BookShown.model_validate(book)


@desk.handler(path="/books/{book_id}/loans", status=201)
def lend(command: LendBook, session: Session, unit: UnitOfWork) -> Result[LoanShown, NotFound | AllLent]:
    lent = lend_book(command, session)
    if lent.is_success:
        unit.append(f"book-{command.book_id}", BookLent(book_id=command.book_id, reader=command.reader))
    return lent


@desk.handler(path="/loans/{loan_id}", method="DELETE")
def return_book(command: ReturnBook, session: Session, unit: UnitOfWork) -> Result[None, NotFound]:
    loan = session.get(Loan, command.loan_id)
    if loan is None or loan.returned:
        return Failure(NotFound(f"there is no loan {command.loan_id}"))
    loan.returned = True
    unit.append(f"book-{loan.book_id}", BookReturned(book_id=loan.book_id, reader=loan.reader))
    return Success()


class ReadModels(DeclarativeBase): ...


class Demand(ReadModels):
    """How often a book was lent, which no table of the old application knew."""

    __tablename__ = "demand"

    book_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    loans: Mapped[int]


@desk.projection("demand", tables=[Demand])
class Demands:
    def book_lent(self, event: BookLent, rows: Rows) -> None:
        rows.add(Demand, {"book_id": event.book_id}, loans=1)


@dataclass(frozen=True, kw_only=True)
class ListDemand(Query[dict[int, int]]):
    """How often each book was lent."""


@desk.handler(path="/demand")
def list_demand(query: ListDemand, session: BlockingReadSession) -> dict[int, int]:
    return {row.book_id: row.loans for row in session.scalars(select(Demand).order_by(Demand.book_id))}


app = App("library", modules=[books, lists, desk])


def library(database: str) -> FastAPI:
    """The web application."""
    api: FastAPI = App("library", modules=app.modules, database=database).http()
    return api
