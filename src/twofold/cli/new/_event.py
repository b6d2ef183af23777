"""`twofold new event` and `new aggregate`: what happens, and what decides about it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import rich_click as click

from twofold.aggregates import Aggregate
from twofold.cli.new._fields import Field, Import, declared, good, key_of, parse, value_imports
from twofold.cli.new._names import checked_feature, checked_name
from twofold.cli.new._place import Project
from twofold.cli.new._sheets import Sheets
from twofold.cli.new._source import call, signature
from twofold.cli.new._words import sentence, words_of
from twofold.errors import snake_case


class NewEvent(NamedTuple):
    """An event that is to be written.

    Args:
        name: Its class.
        fields: Its fields.
    """

    name: str
    fields: Sequence[Field]


def event(project: Project, name: str, words: Iterable[str], feature: str | None) -> Sheets:
    """An event by itself, and a test that it is kept as it was.

    Args:
        project: The project.
        name: What it is called.
        words: Its fields.
        feature: The feature that it belongs to; by its name unless given.

    Raises:
        UsageError: The name or a field is none.
    """
    parts = words_of(checked_name(name, "OrderPlaced"))
    inferred, thing = project.feature_for(parts[:-1] or parts)
    fields = parse(words) or (key_of(thing),)
    refuse_secrets(fields)
    sheets = Sheets(project, checked_feature(project, feature or inferred))
    module = add_events(sheets, snake_case(name), [NewEvent(name, fields)])
    needed = [(module, name), sheets.app, ("pytest", ""), ("twofold.testing", "fresh"), *value_imports(fields)]
    sheets.test(
        snake_case(name), "test_event.py.txt", needed, sentence=sentence(name), good=call(name, good(fields), 4)
    )
    return sheets


def aggregate(project: Project, name: str, words: Iterable[str], feature: str | None) -> Sheets:
    """An aggregate with the events of its beginning and its end, and a test of what it decides; parameters as `event`.

    Raises:
        UsageError: The name or a field is none.
    """
    parts = words_of(checked_name(name, "Order"))
    thing = snake_case(name)
    own = [one for one in dir(Aggregate) if not one.startswith("_")]
    fields = parse(words, reserved=(*own, key_of(thing).name, "id", "closed", "create", "close", "event", "made"))
    refuse_secrets(fields)
    sheets = Sheets(project, checked_feature(project, feature or project.feature_for(parts)[0]))
    key = key_of(thing)
    events = [NewEvent(f"{name}Created", (key, *fields)), NewEvent(f"{name}Closed", (key,))]
    home = add_events(sheets, f"{thing}_events", events)
    needed: list[Import] = [(home, one.name) for one in events]
    needed += [one for field in (key, *fields) for one in field.imports]
    needed += [("typing", "Self")]
    needed += [("twofold", one) for one in ("Aggregate", "Event", "Failure", "Refused", "Result", "Success")]
    parameters = [f"{one.name}: {one.type_name}" for one in (key, *fields)]
    recorded = call(f"{name}Created", [f"{one.name}={one.name}" for one in (key, *fields)], 8)
    evolved = [f"self.id = event.{key.name}", *(f"self.{one.name} = event.{one.name}" for one in fields)]
    module = sheets.add(
        "domain",
        thing,
        "aggregate.py.txt",
        needed,
        name,
        f"{name}AlreadyClosed",
        name=name,
        sentence=sentence(name),
        words=sentence(name).lower(),
        key=key.name,
        state=declared([Field("id", "UUID"), *fields]),
        create=f"    {signature('def create', ['cls', *parameters], 'Self', 4)}",
        recorded=recorded,
        evolved="\n".join(f"                {line}" for line in evolved),
    )
    values = good((key, *fields))
    sheets.test(
        thing,
        "test_aggregate.py.txt",
        [
            *((module, one) for one in (name, f"{name}AlreadyClosed")),
            *((home, one.name) for one in events),
            *value_imports((key, *fields)),
            ("twofold.testing", "given"),
        ],
        name=name,
        sentence=sentence(name),
        key=key.name,
        created=call(f"{name}Created", values),
        create=call(f"{name}.create", [value.partition("=")[2] for value in values], 4),
    )
    return sheets


def add_events(sheets: Sheets, file: str, events: Sequence[NewEvent]) -> str:
    """Write events to one file; its full name.

    Args:
        sheets: Where it goes.
        file: What it is called.
        events: The events.
    """
    fields = [field for one in events for field in one.fields]
    needed = [one for field in fields for one in field.imports]
    classes = "\n".join(
        f'\n@dataclass(frozen=True, kw_only=True)\nclass {one.name}(Event):\n    """{sentence(one.name)}."""\n'
        + (f"\n{declared(one.fields)}\n" if one.fields else "")
        for one in events
    )
    names = [one.name for one in events]
    return sheets.add(
        "domain",
        file,
        "event.py.txt",
        [*needed, sheets.module("domain"), ("dataclasses", "dataclass"), ("twofold", "Event")],
        *names,
        sentence=sentence(names[0] if len(names) == 1 else file),
        classes=classes.rstrip(),
        declared=call("events", names),
    )


def refuse_secrets(fields: Iterable[Field]) -> None:
    """See that nothing is kept in the log for ever that must not be.

    Raises:
        UsageError: A field is a secret, by its name.
    """
    for one in fields:
        if one.is_secret:
            raise click.UsageError(f"{one.name} is a secret by its name, and what has happened is kept for ever")
