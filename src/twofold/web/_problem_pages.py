"""What each code of a problem means and what to do about it: a page behind `/problems/`, so that the `type` of a
problem can be followed. `docs/errors.md` is made of the same words.
"""

import html
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from twofold.errors import Category, TwofoldError
from twofold.web._problem import CRASHED, PROBLEMS, status_of, title_of

_TO_DO: Final[Mapping[Category, str]] = {
    Category.WIRING: "Nothing that a client could. The application is put together wrongly: its log has what.",
    Category.INVALID: "Mend the input: `errors` has each field that is wrong.",
    Category.UNAUTHENTICATED: "Say who you are, and send it again.",
    Category.FORBIDDEN: "Nothing: whoever asks may not do this.",
    Category.NOT_FOUND: "Look whether what is named is right; it may be there later.",
    Category.GONE: "Stop asking: it does not come back.",
    Category.EXISTS: "Take what is there, or another name.",
    Category.REFUSED: "Tell the person what `detail` says. Sent again it is refused again, unless something changes.",
    Category.PRECONDITION: "Look at what is there now, decide again, and send what you see then as `If-Match`.",
    Category.TOO_LARGE: "Send less, or in several parts.",
    Category.CONFLICT: "Look at what is there now, and decide again. Nothing was written.",
    Category.RATE_LIMITED: "Wait as long as `Retry-After` says, and send it again.",
    Category.UNAVAILABLE: "Wait as long as `Retry-After` says, and send it again, under the same `Idempotency-Key`.",
    Category.CORRUPT: "Nothing that a client could. What is stored cannot be understood: whoever runs it has to look.",
}

_OTHERWISE: Final[Mapping[str, str]] = {
    "key_conflict": "Use a key of its own for each command.",
    "key_in_flight": "Wait as long as `Retry-After` says, and send the same again: it is answered as that one is.",
    "no_single_version": "Send it without the version that you expect.",
    "outcome_unknown": "Send it again under the same `Idempotency-Key`; without one, look first whether it was done.",
}
"""Where something else is to be done than for the rest of a category."""


class Meaning(NamedTuple):
    """What a code means.

    Args:
        code: The code.
        status: Its HTTP status.
        text: What has happened; empty when nobody says it.
        to_do: What to do about it.
    """

    code: str
    status: int
    text: str
    to_do: str

    @classmethod
    def of(cls, error: type[TwofoldError]) -> "Meaning":
        """What the code of an error means, by the first paragraph of its docstring."""
        text = inspect.cleandoc(error.__dict__.get("__doc__") or "").partition("\n\n")[0].replace("\n", " ")
        to_do = _OTHERWISE.get(error.code) or _TO_DO[error.category]
        return cls(error.code, status_of(error.category), text, to_do)


OF_HTTP: Final = (
    Meaning(
        "not_acceptable",
        406,
        "This is a stream of events, and nothing else.",
        "Send `accept: text/event-stream`.",
    ),
    Meaning(
        "method_not_allowed",
        405,
        "There is such a path, and it is offered by other methods.",
        "Use one that `Allow` has.",
    ),
    Meaning(
        "request_timeout",
        408,
        "The body of the request did not come whole in time; nothing was done.",
        "Send it again, on another connection: this one is closed.",
    ),
    Meaning(
        "unsupported_media_type",
        415,
        "The body is no JSON, or it is encoded: compressed, say.",
        "Send `content-type: application/json`, and no `content-encoding`.",
    ),
    Meaning(
        CRASHED.code,
        CRASHED.status,
        "A bug, a mistake in how the application is put together, or something stored that nobody understands.",
        "Quote the `correlation_id`: the log has it, with the traceback.",
    ),
)
"""What has no class: HTTP itself answers with it, or the last resort."""


def own_errors() -> dict[str, type[TwofoldError]]:
    """Twofold's own errors by code, of rooms that are loaded; of several of one code, what the others derive from."""
    known: dict[str, type[TwofoldError]] = {}
    for error in _below(TwofoldError):
        known.setdefault(error.code, error)
    return known


def _below(error: type[TwofoldError]) -> Iterator[type[TwofoldError]]:
    for one in error.__subclasses__():
        if one.__module__.startswith("twofold."):
            yield one
            yield from _below(one)


def add_problem_pages(web: FastAPI, declared: Callable[[], Iterable[type[TwofoldError]]]) -> None:
    """Serve a page for each code.

    Args:
        web: Where they are served.
        declared: The errors of the application that may be told of, beside twofold's own.
    """

    async def page(request: Request) -> Response:
        known = {error.code: error for error in declared()} | own_errors()
        meanings = {one.code: one for one in (*OF_HTTP, *map(Meaning.of, known.values()))}
        code: str = request.path_params["code"]
        if code not in meanings:
            raise HTTPException(404, "there is no such problem")
        return HTMLResponse(_page(meanings[code]))

    web.add_route(f"{PROBLEMS}{{code}}", page, include_in_schema=False)


def _page(meaning: Meaning) -> str:
    title = html.escape(title_of(meaning.code))
    told = (f"HTTP {meaning.status}, `{meaning.code}`.", meaning.text, f"What to do: {meaning.to_do}")
    paragraphs = "".join(f"<p>{_marked(text)}</p>\n" for text in told if text)
    return f'<!doctype html>\n<html lang="en">\n<title>{title}</title>\n<h1>{title}</h1>\n{paragraphs}</html>\n'


def _marked(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
