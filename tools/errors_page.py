"""Writes docs/errors.md: every code that twofold answers with, as the code has it; a test compares the two."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import twofold
from twofold.cli import exit_of
from twofold.errors import Category, Classifier, TwofoldError
from twofold.result import Failure
from twofold.web._problem import CRASHED, problem_of

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"

HEAD = """# Errors

Made by `tools/errors_page.py` from the classes themselves; a test compares. A problem document has the code of its
error as `code`, and behind `/problems/` as `type`; `app.http(problems="https://example.com/errors#")` has it point at a
page: at this one, each code being a heading of it, or at one of yours. Your own classes of `Refused` have their name in
snake case as their code. The exit code is that of a process which ends with it.
"""

TO_DO = {
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

OTHERWISE = {
    "key_conflict": "Use a key of its own for each command.",
    "key_in_flight": "Wait as long as `Retry-After` says, and send the same again: it is answered as that one is.",
    "no_single_version": "Send it without the version that you expect.",
    "outcome_unknown": "Send it again under the same `Idempotency-Key`; without one, look first whether it was done.",
}
"""Where something else is to be done than for the rest of a category."""

OF_HTTP = {
    "not_acceptable": (406, "This is a stream of events, and nothing else.", "Send `accept: text/event-stream`."),
    "method_not_allowed": (
        405,
        "There is such a path, and it is offered by other methods.",
        "Use one that `Allow` has.",
    ),
    "unsupported_media_type": (415, "The body is no JSON.", "Send `content-type: application/json`."),
    CRASHED.code: (
        CRASHED.status,
        "A bug, a mistake in how the application is put together, or something stored that nobody understands.",
        "Quote the `correlation_id`: the log has it, with the traceback.",
    ),
}
"""What has no class: HTTP itself answers with it, or the last resort."""


def main() -> None:
    PAGE.write_text(page())


def page() -> str:
    """The page as it is to be."""
    sections = [*(_section(error) for error in _catalogue()), *(_of_http(code) for code in OF_HTTP)]
    return "\n".join([HEAD, *sorted(sections)])


def _catalogue() -> Iterator[type[TwofoldError]]:
    """The class of each code; of several of one code, the one that the others derive from."""
    for found in pkgutil.walk_packages(twofold.__path__, "twofold."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    known = dict[str, type[TwofoldError]]()
    for error in _below(TwofoldError):
        known.setdefault(error.code, error)
    yield from known.values()


def _below(error: type[TwofoldError]) -> Iterator[type[TwofoldError]]:
    for one in error.__subclasses__():
        if one.__module__.startswith("twofold."):
            yield one
            yield from _below(one)


class _Sample(Exception):
    """Is of whatever category it is said to be."""


def _section(error: type[TwofoldError]) -> str:
    classifier, sample = Classifier({_Sample: error.category}), _Sample()
    status, exit_code = problem_of(sample, classifier).status, exit_of(Failure(sample), classifier)
    shown = f"{status}, as [{CRASHED.code}](#{CRASHED.code})" if status == CRASHED.status else str(status)
    where = error.__module__.partition("._")[0]
    text = (inspect.getdoc(error) or "").partition("\n\n")[0].replace("\n", " ")
    facts = f"HTTP {shown} · exit code {exit_code} · `{where}.{error.__qualname__}` · {error.category}"
    return _written(error.code, facts, text, OTHERWISE.get(error.code) or TO_DO[error.category])


def _of_http(code: str) -> str:
    status, text, to_do = OF_HTTP[code]
    return _written(code, f"HTTP {status}", text, to_do)


def _written(code: str, facts: str, text: str, to_do: str) -> str:
    title = code.replace("_", " ").capitalize()
    return f"## {code}\n\n**{title}** · {facts}\n\n{text}\n\n*What to do.* {to_do}\n"


if __name__ == "__main__":
    main()
