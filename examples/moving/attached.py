"""The first stage: twofold stands beside the old endpoints, and answers one of them."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, FastAPI, Response
from sqlalchemy import Engine

from examples.moving import before
from examples.moving.before import BookShown
from examples.moving.tables import Book, Loan
from twofold import App, Failure, Module, NotFound, Query, QueryBus, Result, Success
from twofold.sql import BlockingReadSession
from twofold.web import respond

books = Module("books")
books.state(Book, Loan)


@dataclass(frozen=True, kw_only=True)
class ShowBook(Query[BookShown]):
    """One book."""

    book_id: int


@books.handler(path="/books/{book_id}")
def show_book(query: ShowBook, session: BlockingReadSession) -> Result[BookShown, NotFound]:
    book = session.get(Book, query.book_id)
    if book is None:
        return Failure(NotFound(f"there is no book {query.book_id}"))
    return Success(BookShown.model_validate(book))


Queries: TypeAlias = Annotated[QueryBus, Depends()]
moved = APIRouter()


@moved.get("/books/{book_id}")
async def show_book_route(book_id: int, queries: Queries) -> Response:
    return respond(await queries.execute(ShowBook(book_id=book_id)))


def library(engine: Engine, database: str) -> FastAPI:
    """The web application: what has moved comes first, so it takes the place of the old endpoint."""
    api = FastAPI(title="Library")
    api.state.engine = engine
    App("library", modules=[books], database=database).attach(api)
    api.include_router(moved)
    api.include_router(before.router)
    return api
