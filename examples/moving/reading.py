"""The third stage: everything that reads is a query, on a session that the database holds to reading."""

from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, Response
from sqlalchemy import Engine, select

from examples.moving import attached, before, writing
from examples.moving.attached import Queries
from examples.moving.before import BookShown, LoanShown
from examples.moving.tables import Book, Loan
from twofold import App, Module, Query
from twofold.sql import BlockingReadSession
from twofold.web import respond

lists = Module("lists")


@dataclass(frozen=True, kw_only=True)
class ListBooks(Query[list[BookShown]]):
    """All books, or those of an author, by their titles."""

    author: str | None = None


@dataclass(frozen=True, kw_only=True)
class ListLoans(Query[list[LoanShown]]):
    """What a reader has at home."""

    reader: str


@lists.handler(path="/books")
def list_books(query: ListBooks, session: BlockingReadSession) -> list[BookShown]:
    statement = select(Book).order_by(Book.title, Book.id)
    if query.author is not None:
        statement = statement.where(Book.author == query.author)
    return [BookShown.model_validate(book) for book in session.scalars(statement)]


@lists.handler(path="/readers/{reader}/loans")
def list_loans(query: ListLoans, session: BlockingReadSession) -> list[LoanShown]:
    statement = select(Loan).where(Loan.reader == query.reader, Loan.returned.is_(False)).order_by(Loan.id)
    return [LoanShown.model_validate(loan) for loan in session.scalars(statement)]


moved = APIRouter()


@moved.get("/books")
async def list_books_route(queries: Queries, author: str | None = None) -> Response:
    return respond(await queries.execute(ListBooks(author=author)))


@moved.get("/readers/{reader}/loans")
async def list_loans_route(reader: str, queries: Queries) -> Response:
    return respond(await queries.execute(ListLoans(reader=reader)))


def library(engine: Engine, database: str) -> FastAPI:
    """The web application."""
    api = FastAPI(title="Library")
    api.state.engine = engine
    App("library", modules=[attached.books, writing.loans, lists], database=database).attach(api)
    for router in (moved, writing.moved, attached.moved, before.router):
        api.include_router(router)
    return api
