"""The library as it was: FastAPI, SQLAlchemy, a session for each request."""

from collections.abc import Iterator
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from examples.moving.tables import Base, Book, Loan

Number: TypeAlias = Annotated[int, Field(gt=0, lt=2**31)]
"""What a column of PostgreSQL holds."""


class NewBook(BaseModel):
    title: Annotated[str, Field(min_length=1)]
    author: str
    copies: Number = 1


class NewLoan(BaseModel):
    reader: str


class BookShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    author: str
    copies: int


class LoanShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    book_id: int
    reader: str


def session_of(request: Request) -> Iterator[Session]:
    with Session(request.app.state.engine) as session:
        yield session


InSession: TypeAlias = Annotated[Session, Depends(session_of)]
router = APIRouter()


@router.post("/books", status_code=201)
def add_book(body: NewBook, session: InSession) -> BookShown:
    book = Book(title=body.title, author=body.author, copies=body.copies)
    session.add(book)
    session.commit()
    return BookShown.model_validate(book)


@router.get("/books")
def list_books(session: InSession, author: str | None = None) -> list[BookShown]:
    statement = select(Book).order_by(Book.title, Book.id)
    if author is not None:
        statement = statement.where(Book.author == author)
    return [BookShown.model_validate(book) for book in session.scalars(statement)]


@router.get("/books/{book_id}")
def show_book(book_id: Number, session: InSession) -> BookShown:
    book = session.get(Book, book_id)
    if book is None:
        raise HTTPException(404, f"there is no book {book_id}")
    return BookShown.model_validate(book)


@router.post("/books/{book_id}/loans", status_code=201)
def lend_book(book_id: Number, body: NewLoan, session: InSession) -> LoanShown:
    book = session.get(Book, book_id, with_for_update=True)
    if book is None:
        raise HTTPException(404, f"there is no book {book_id}")
    away = session.scalar(select(func.count()).where(Loan.book_id == book_id, Loan.returned.is_(False)))
    if away == book.copies:
        raise HTTPException(409, "all copies are lent")
    loan = Loan(book_id=book_id, reader=body.reader)
    session.add(loan)
    session.commit()
    return LoanShown.model_validate(loan)


@router.delete("/loans/{loan_id}", status_code=204)
def return_book(loan_id: Number, session: InSession) -> None:
    loan = session.get(Loan, loan_id)
    if loan is None or loan.returned:
        raise HTTPException(404, f"there is no loan {loan_id}")
    loan.returned = True
    session.commit()


@router.get("/readers/{reader}/loans")
def list_loans(reader: str, session: InSession) -> list[LoanShown]:
    statement = select(Loan).where(Loan.reader == reader, Loan.returned.is_(False)).order_by(Loan.id)
    return [LoanShown.model_validate(loan) for loan in session.scalars(statement)]


def library(engine: Engine) -> FastAPI:
    """The web application."""
    Base.metadata.create_all(engine)
    api = FastAPI(title="Library")
    api.state.engine = engine
    api.include_router(router)
    return api
