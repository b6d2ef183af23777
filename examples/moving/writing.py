"""The second stage: an endpoint that writes is a command, in the transaction of its unit of work."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, FastAPI, Response
from pydantic import Field
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from examples.moving import attached, before
from examples.moving.before import LoanShown, NewLoan
from examples.moving.tables import Book, Loan
from twofold import App, Command, CommandBus, Exists, Failure, Module, NotFound, Result, Success
from twofold.web import respond

loans = Module("loans")


class AllLent(Exists):
    """No copy is left."""


@dataclass(frozen=True, kw_only=True)
class LendBook(Command[LoanShown]):
    """Lend a copy of a book to a reader."""

    book_id: int
    reader: Annotated[str, Field(examples=["ada"])]


@loans.handler(path="/books/{book_id}/loans", status=201)
def lend_book(command: LendBook, session: Session) -> Result[LoanShown, NotFound | AllLent]:
    book = session.get(Book, command.book_id, with_for_update=True)
    if book is None:
        return Failure(NotFound(f"there is no book {command.book_id}"))
    away = session.scalar(select(func.count()).where(Loan.book_id == book.id, Loan.returned.is_(False)))
    if away == book.copies:
        return Failure(AllLent("all copies are lent"))
    loan = Loan(book_id=book.id, reader=command.reader)
    session.add(loan)
    session.flush()
    return Success(LoanShown.model_validate(loan))


Commands: TypeAlias = Annotated[CommandBus, Depends()]
moved = APIRouter()


@moved.post("/books/{book_id}/loans")
async def lend_book_route(book_id: int, body: NewLoan, commands: Commands) -> Response:
    return respond(await commands.execute(LendBook(book_id=book_id, reader=body.reader)), status=201)


def library(engine: Engine, database: str) -> FastAPI:
    """The web application."""
    api = FastAPI(title="Library")
    api.state.engine = engine
    App("library", modules=[attached.books, loans], database=database).attach(api)
    for router in (moved, attached.moved, before.router):
        api.include_router(router)
    return api
