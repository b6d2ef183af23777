"""What is not as one form of an event was: its examples are read, its rules compared, and its personal data erased.

What cannot be shown to be read is not called compatible; a log in which all of it is read is what shows it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from pydantic_core import to_json

from twofold.app._forms import Change, Form, Verdict
from twofold.app._rules import rules_of
from twofold.app._widening import GONE, NEW, Difference, differences
from twofold.errors import TwofoldError
from twofold.messages import ERASED, PERSONAL, Catalogue, MessageType

_PROVE: Final = "; or prove with --from-log that all of it is read"


@dataclass(frozen=True, slots=True)
class InLog:
    """What of one name and version a log has.

    Args:
        count: How many events.
        unread: Why the first one is not read that is not; empty when all are.
    """

    count: int = 0
    unread: str = ""


def changes_of(
    name: str, version: int, form: Form, catalogue: Catalogue, in_log: InLog | None = None
) -> Iterator[Change]:
    """What is not as a form has it.

    Args:
        name: The wire name of the event.
        version: The version of its schema.
        form: The form.
        catalogue: The events of today.
        in_log: What a log has of it, for which that is known.
    """
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
    found = [*_unread(name, version, form, catalogue, hint)]
    if not found and step is None and form.schema is not None:
        kind = catalogue.named(name)
        for one in _judged(differences(form.schema, rules_of(kind)), form, kind):
            if not one.fits or version == today:
                verdict = Verdict.COMPATIBLE if one.fits else Verdict.NEEDS_UPCASTER
                text = f"{one.field}: {one.text}" if one.field else one.text
                shown = "" if one.fits else hint + _PROVE
                found.append(Change(event=name, version=version, verdict=verdict, text=text, hint=shown))
    yield from _judged_by_log(name, version, found, in_log, hint)
    for text in _erased(name, version, form, catalogue):
        hint = "give its upcaster a case Erased()" if step is not None else hint
        yield Change(event=name, version=version, verdict=Verdict.NEEDS_UPCASTER, text=text, hint=hint)
    for text in _became_personal(name, version, form, catalogue):
        hint = "`twofold erase` tells what there is of a subject"
        yield Change(event=name, version=version, verdict=Verdict.COMPATIBLE, text=text, hint=hint)


def _unread(name: str, version: int, form: Form, catalogue: Catalogue, hint: str) -> Iterator[Change]:
    for example in form.examples:
        if error := _error(name, version, example, catalogue):
            text = f"an example is not read: {error}"
            yield Change(event=name, version=version, verdict=Verdict.NEEDS_UPCASTER, text=text, hint=hint)
            return


def _error(name: str, version: int, body: Any, catalogue: Catalogue) -> str:
    try:
        catalogue.read(name, version, to_json(body))
    except TwofoldError as error:
        return str(error)
    return ""


def _judged_by_log(
    name: str, version: int, found: Iterable[Change], in_log: InLog | None, hint: str
) -> Iterator[Change]:
    """Changes as a log shows them: what all of it passes is compatible, whatever can be thought of beside it."""
    if in_log is not None and in_log.unread:
        text = f"the log has one that is not read: {in_log.unread}"
        yield Change(event=name, version=version, verdict=Verdict.NEEDS_UPCASTER, text=text, hint=hint)
    for one in found:
        if in_log is not None and not in_log.unread and one.verdict is Verdict.NEEDS_UPCASTER:
            text = f"{one.text}; all {in_log.count} events of the log are read"
            yield replace(one, verdict=Verdict.COMPATIBLE, text=text, hint="")
        else:
            yield one


def _properties(form: Form) -> Mapping[str, Any]:
    schema = form.schema or {}
    while "$ref" in schema:
        schema = schema["$defs"][schema["$ref"].rpartition("/")[2]] | {"$defs": schema["$defs"]}
    return cast("Mapping[str, Any]", schema.get("properties", {}))


def _erased(name: str, version: int, form: Form, catalogue: Catalogue) -> Iterator[str]:
    """Whether examples are read once what is personal in them is erased: of one kind of subject, or of all."""
    personal = {field: told[PERSONAL] for field, told in _properties(form).items() if PERSONAL in told}
    for kinds in ({*personal.values()}, *({one} for one in sorted({*personal.values()}))):
        for example in form.examples:
            gone = sorted(field for field, kind in personal.items() if kind in kinds and field in _fields(example))
            if not gone or _error(name, version, example, catalogue):
                continue
            body = {**_fields(example), **{field: {ERASED: True} for field in gone}}
            if error := _error(name, version, body, catalogue):
                yield f"an example is not read once {', '.join(gone)} is erased: {error}"
                return


def _became_personal(name: str, version: int, form: Form, catalogue: Catalogue) -> Iterator[str]:
    """What is personal today, and was recorded in plain text."""
    before, step = _properties(form), catalogue.upcasters.step(name, version)
    names = [name] if step is None else sorted(step.into)
    today = [field for one in names if catalogue.version_of(one) for field in catalogue.named(one).personal_fields]
    told = "is personal now, and was recorded in plain text: nothing erases what was"
    if step is None:
        yield from (f"{one.name}: {told}" for one in today if one.name in before and PERSONAL not in before[one.name])
    elif before and today and not any(PERSONAL in one for one in before.values()):
        yield f"what it becomes {told}"


def _fields(body: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


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
