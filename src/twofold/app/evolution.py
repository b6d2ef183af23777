"""The forms that events have had, kept in a file, and what today's code makes of them: for a check before each release.

A snapshot holds the JSON Schema of every event and examples as the log has them. Forms are added and never taken away,
since the log keeps them too.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from pydantic_core import from_json, to_json

from twofold.app._app import App
from twofold.app._changes import InLog, changes_of
from twofold.app._example import examples_of
from twofold.app._forms import Change, Form, Snapshot, Verdict
from twofold.app._rules import rules_of
from twofold.errors import TwofoldError
from twofold.messages import Kind, MessageType, without_personal
from twofold.store import Log, Recorded

__all__ = ["Change", "Form", "InLog", "Snapshot", "Verdict", "compare", "read_log", "snapshot", "stored_forms"]

_PAGE: Final = 1000
_EXAMPLES: Final = 5


def snapshot(
    app: App, before: Snapshot | None = None, stored: Mapping[tuple[str, int], Form] | None = None
) -> Snapshot:
    """The forms of today, added to those that were known.

    Args:
        app: The application; it need not be running.
        before: What was known.
        stored: What a log has; see `stored_forms`.

    Raises:
        StartError: The application is not sound.
    """
    forms = dict(Snapshot().forms if before is None else before.forms)
    for key, form in (stored or {}).items():
        forms[key] = _with(forms.get(key, Form()), form.examples)
    for kind in _events(app):
        key = kind.name, kind.wire.version
        made = [from_json(one) for one in examples_of(kind)]
        forms[key] = replace(_with(forms.get(key, Form()), made), schema=rules_of(kind))
    return Snapshot(forms)


async def stored_forms(log: Log) -> Mapping[tuple[str, int], Form]:
    """Examples of what a log has, of every name and version, whoever knows them: the first few that differ in fields.

    Args:
        log: The log; all of it is read. Of personal data that it has encrypted the examples tell that it was erased.
    """
    found: dict[tuple[str, int], dict[frozenset[str], Any]] = {}
    async for entry in _entries(log):
        body: Any = without_personal(from_json(entry.data))
        shapes = found.setdefault((entry.type, entry.schema_version), {})
        if len(shapes) < _EXAMPLES:
            shapes.setdefault(frozenset(_fields(body)), body)
    return {key: Form(examples=tuple(shapes.values())) for key, shapes in found.items()}


async def read_log(app: App) -> Mapping[tuple[str, int], InLog]:
    """What a log has of every name and version, and whether today's code reads all of it.

    Args:
        app: The application; its stores are open.

    Raises:
        StartError: The application is not sound.
    """
    _events(app)
    catalogue, found = app.router.catalogue, dict[tuple[str, int], InLog]()
    async for entry in _entries(app.store.log):
        key = entry.type, entry.schema_version
        known, unread = found.get(key, InLog()), ""
        try:
            catalogue.read(*key, entry.data)
        except TwofoldError as error:
            unread = f"position {entry.position}: {error}"
        found[key] = InLog(known.count + 1, known.unread or unread)
    return found


def compare(app: App, before: Snapshot, in_log: Mapping[tuple[str, int], InLog] | None = None) -> list[Change]:
    """What is not as a snapshot has it, by event and version.

    Args:
        app: The application; it need not be running.
        before: The snapshot.
        in_log: What a log has, and whether all of it is read; see `read_log`.

    Raises:
        StartError: The application is not sound.
    """
    today = {(kind.name, kind.wire.version): kind for kind in _events(app)}
    catalogue = app.router.catalogue
    known = {**dict.fromkeys(in_log or {}, Form()), **before.forms}
    changes = [
        change for key, form in known.items() for change in changes_of(*key, form, catalogue, (in_log or {}).get(key))
    ]
    for name, version in today.keys() - before.forms.keys():
        text, hint = "is not in the snapshot", "`twofold schema snapshot` adds it"
        changes.append(Change(event=name, version=version, verdict=Verdict.COMPATIBLE, text=text, hint=hint))
    return sorted(changes, key=lambda one: (one.event, one.version, one.text))


def _events(app: App) -> list[MessageType[Any]]:
    _ = app.assembly
    return [kind for kind in app.router.catalogue if kind.kind is Kind.EVENT]


def _fields(body: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _with(form: Form, examples: Iterable[Any]) -> Form:
    """A form with more examples, each of them once."""
    told = {to_json(one): one for one in (*form.examples, *examples)}
    return replace(form, examples=tuple(told.values()))


async def _entries(log: Log) -> AsyncIterator[Recorded]:
    position, head = 0, await log.head()
    while position < head:
        page = await log.read(position, until=head, limit=_PAGE)
        for entry in page:
            yield entry
        position = page[-1].position if len(page) == _PAGE else head
