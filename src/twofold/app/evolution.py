"""The forms that events have had, kept in a file, and what today's code makes of them: for a check before each release.

A snapshot holds the JSON Schema of every event and examples as the log has them. Forms are added and never taken away,
since the log keeps them too.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, cast

from pydantic_core import from_json, to_json

from twofold.app._app import App
from twofold.app._example import examples_of
from twofold.app._widening import GONE, NEW, Difference, differences
from twofold.errors import StartError, TwofoldError, WiringError
from twofold.messages import Catalogue, Kind, MessageType, without_personal
from twofold.store import Log, Recorded

_FORMAT: Final = 1
_PAGE: Final = 1000
_EXAMPLES: Final = 5


class Verdict(StrEnum):
    """What a change means for the events that are in a log already; the worst comes last."""

    COMPATIBLE = "compatible"
    """They are read as they are."""
    NEEDS_UPCASTER = "needs an upcaster"
    """They are not read, or only by chance: somebody has to say what they become."""
    BREAKING = "breaking"
    """Nothing of today reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is not as the snapshot has it.

    Args:
        event: The wire name of the event.
        version: The version of its schema.
        verdict: What that means.
        text: What it is.
        hint: What to do about it.
    """

    event: str
    version: int
    verdict: Verdict
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """An event as it is, or was, stored under one name and version.

    Args:
        examples: Bodies, as JSON.
        schema: Its JSON Schema; None where only the log has shown it.
    """

    examples: tuple[Any, ...] = ()
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The forms that events have had.

    Args:
        forms: By wire name and version.
    """

    forms: Mapping[tuple[str, int], Form] = field(default_factory=dict[tuple[str, int], Form])

    def __str__(self) -> str:
        """The file: the same text for the same forms."""
        events = dict[str, dict[str, Any]]()
        for (name, version), form in sorted(self.forms.items()):
            events.setdefault(name, {})[str(version)] = {"schema": form.schema, "examples": form.examples}
        return json.dumps({"format": _FORMAT, "events": events}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """A snapshot from its file.

        Raises:
            WiringError: It is none.
        """
        try:
            found: Any = json.loads(text)
            if found["format"] != _FORMAT:
                raise WiringError(f"the snapshot has format {found['format']!r}, and this twofold knows {_FORMAT}")
            return cls(
                {
                    (name, int(version)): Form(examples=tuple(form["examples"]), schema=form["schema"])
                    for name, versions in found["events"].items()
                    for version, form in versions.items()
                }
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WiringError(f"this is no snapshot of events: {type(error).__name__}: {error}") from error


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
        forms[key] = replace(_with(forms.get(key, Form()), made), schema=kind.schema())
    return Snapshot(forms)


async def stored_forms(log: Log) -> Mapping[tuple[str, int], Form]:
    """Examples of what a log has, of every name and version, whoever knows them: the first few that differ in fields.

    Args:
        log: The log; all of it is read. Of personal data that it has encrypted the examples tell that it was erased.
    """
    found = dict[tuple[str, int], dict[frozenset[str], Any]]()
    async for entry in _entries(log):
        body: Any = without_personal(from_json(entry.data))
        shapes = found.setdefault((entry.type, entry.schema_version), {})
        if len(shapes) < _EXAMPLES:
            shapes.setdefault(frozenset(_fields(body)), body)
    return {key: Form(examples=tuple(shapes.values())) for key, shapes in found.items()}


def compare(app: App, before: Snapshot) -> list[Change]:
    """What is not as a snapshot has it, by event and version.

    Args:
        app: The application; it need not be running.
        before: The snapshot.

    Raises:
        StartError: The application is not sound.
    """
    today = {(kind.name, kind.wire.version): kind for kind in _events(app)}
    catalogue = app.router.catalogue
    changes = [change for key in before.forms for change in _changes(*key, before.forms[key], catalogue)]
    for name, version in today.keys() - before.forms.keys():
        text, hint = "is not in the snapshot", "`twofold schema snapshot` adds it"
        changes.append(Change(event=name, version=version, verdict=Verdict.COMPATIBLE, text=text, hint=hint))
    return sorted(changes, key=lambda one: (one.event, one.version, one.text))


def _events(app: App) -> list[MessageType[Any]]:
    faults = app.check()
    if faults:
        raise StartError(app=app.name, faults=faults)
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


def _changes(name: str, version: int, form: Form, catalogue: Catalogue) -> Iterator[Change]:
    upcasters, today = catalogue.upcasters, catalogue.version_of(name)
    if name in upcasters.skipped:
        return
    step = upcasters.step(name, version)
    if step is None and (today is None or version > today):
        text = "is read by nothing any more" if today is None else f"is newer than version {today}, which is today's"
        gone = f"bring its class back, or say what it has become: upcast({name!r}, {version}), or skip({name!r})"
        hint = gone if today is None else "a version that was recorded is never taken back: raise it again"
        yield Change(event=name, version=version, verdict=Verdict.BREAKING, text=text, hint=hint)
        return
    hint = "mend its upcaster" if step is not None else _how(name, version, today)
    for example in form.examples:
        try:
            catalogue.read(name, version, to_json(example))
        except TwofoldError as error:
            text = f"an example is not read: {error}"
            yield Change(event=name, version=version, verdict=Verdict.NEEDS_UPCASTER, text=text, hint=hint)
            return
    if step is None and form.schema is not None:
        kind = catalogue.named(name)
        for one in _judged(differences(form.schema, kind.schema()), form, kind):
            if not one.fits or version == today:
                verdict = Verdict.COMPATIBLE if one.fits else Verdict.NEEDS_UPCASTER
                text = f"{one.field}: {one.text}" if one.field else one.text
                yield Change(event=name, version=version, verdict=verdict, text=text, hint="" if one.fits else hint)


def _how(name: str, version: int, today: int | None) -> str:
    if version == today:
        return f"give the class version {version + 1}, and say what this one becomes: upcast({name!r}, {version})"
    return f"say what it becomes: upcast({name!r}, {version})"


def _judged(found: Iterable[Difference], form: Form, kind: MessageType[Any]) -> list[Difference]:
    """Differences, but for a field that goes by another name now: what it was called is still read."""
    found = list(found)
    gone = [one.field for one in found if one.text == GONE]
    renamed = {field for field in gone if _is_read(field, form, kind)}
    if not renamed:
        return found
    return [
        replace(one, text="is read under another name") if one.field in renamed else one
        for one in found
        if one.text != NEW or "." in one.field or "[" in one.field
    ]


def _is_read(field: str, form: Form, kind: MessageType[Any]) -> bool:
    """Whether it makes a difference to an example that it has a field."""
    for example in form.examples:
        fields = _fields(example)
        if field in fields:
            without = {name: value for name, value in fields.items() if name != field}
            try:
                if kind.decode(to_json(without)) != kind.decode(to_json(example)):
                    return True
            except TwofoldError:
                return True
    return False
