"""`twofold new projection` and `new reaction`: what follows events that the project has."""

import re
from collections.abc import Iterable, Sequence

import rich_click as click

from twofold.cli.new._fields import Field, Import, good, value_imports
from twofold.cli.new._known import Known, NotInProject
from twofold.cli.new._names import checked_feature, checked_name
from twofold.cli.new._place import Project
from twofold.cli.new._sheets import Sheets
from twofold.cli.new._source import call, filled, imports, signature
from twofold.cli.new._words import sentence, words_of
from twofold.errors import snake_case


def projection(project: Project, name: str, on: Iterable[str], feature: str | None) -> Sheets:
    """A read model with a table, filled from events of one thing, and a test of the rows.

    Args:
        project: The project.
        name: What it is called.
        on: The events; those of its feature unless some are given.
        feature: The feature that it belongs to; that of the events unless given.

    Raises:
        UsageError: The name is none, or the events have nothing in common that a row could be named by.
        NotInProject: There is no such event.
    """
    checked_name(name, "OrderList")
    events = _events(project, on, feature or project.feature_for(words_of(name))[0])
    if not events:
        raise _nothing_for(name)
    key, columns = _columns(events)
    sheets = Sheets(project, checked_feature(project, feature or project.feature_of(events[0])))
    tables = _tables(sheets)
    table, row = snake_case(name), f"{name}Row"
    needed: list[Import] = [(one.module, one.name) for one in events]
    needed += [one for field in columns for one in field.imports]
    module = sheets.add(
        "infrastructure",
        table,
        "projection.py.txt",
        [
            *needed,
            (tables, "Tables"),
            sheets.module("infrastructure"),
            ("sqlalchemy.orm", "Mapped"),
            ("sqlalchemy.orm", "mapped_column"),
            ("twofold", "Rows"),
        ],
        name,
        row,
        name=name,
        sentence=sentence(name),
        table=table,
        columns="\n".join(f"    {one.name}: {_mapped(one, key, events)}" for one in columns),
        methods="\n\n".join(_method(one, key, row) for one in events),
    )
    cases = [
        f"    {variable} = {call(one.name, good(one.fields()), 4)}\n"
        f"    row = {call(row, good(one.fields()), 4)}\n"
        f"    given({name}, {variable}).then(row)"
        for variable, one in ((snake_case(one.name), one) for one in events)
    ]
    sheets.test(
        table,
        "test_projection.py.txt",
        [
            *((one.module, one.name) for one in events),
            *value_imports([field for one in events for field in one.fields()]),
            (module, name),
            (module, row),
            sheets.app,
            ("twofold.testing", "given"),
        ],
        sentence=sentence(name),
        cases="\n".join(cases),
        table=table,
    )
    return sheets


def reaction(project: Project, name: str, on: str | None, feature: str | None) -> Sheets:
    """A reaction to an event, and a test that it comes; parameters as `projection`.

    Raises:
        UsageError: The name is none.
        NotInProject: There is no such event, or several and none is named.
    """
    checked_name(name, "SendReceipt")
    events = _events(project, [on] if on else [], feature or project.feature_for(words_of(name))[0])
    if not events and len(everything := [*events_in(project).values()]) == 1:
        events = everything  # what a reaction is called need not tell what it follows
    if not events:
        raise _nothing_for(name)
    if len(events) > 1:
        raise NotInProject(f"{name} may follow {', '.join(one.name for one in events)}", hint="say which one: --on")
    (event,) = events
    fields = event.fields()
    sheets = Sheets(project, checked_feature(project, feature or project.feature_of(event)))
    words = sentence(name)
    key = next((one for one in fields if one.name.endswith("_id")), None)
    file = snake_case(name)
    sheets.add(
        "application",
        file,
        "reaction.py.txt",
        [(event.module, event.name), sheets.module("application"), ("logging", "Logger")],
        sentence=words,
        event=event.name,
        signature=signature(f"async def {file}", [f"event: {event.name}", "logger: Logger"], "None"),
        logged=f'"{words.lower()}: %s", event.{key.name}' if key else f'"{words.lower()}"',
    )
    sheets.test(
        file,
        "test_reaction.py.txt",
        [(event.module, event.name), sheets.app, *value_imports(fields), ("pytest", ""), ("twofold.testing", "given")],
        sentence=words,
        good=call(event.name, good(fields), 4),
        text=words.lower(),
    )
    return sheets


def _events(project: Project, on: Iterable[str], feature: str) -> list[Known]:
    """The events that are followed: those that are named, or else all of a feature.

    Raises:
        NotInProject: One that is named is not there.
    """
    known = events_in(project)
    wanted = list(on)
    for one in wanted:
        if one not in known:
            hint = f"`twofold new event {one}` makes it" if one.isidentifier() else "write the name of its class"
            raise NotInProject(f"there is no event {one}", hint=hint)
    if wanted:
        return [known[one] for one in wanted]
    return [one for one in known.values() if project.feature_of(one) == feature and "_lifecycle" not in one.module]


def _nothing_for(name: str) -> NotInProject:
    return NotInProject(f"there is no event that {name} could follow", hint="say which one: --on")


def events_in(project: Project) -> dict[str, Known]:
    """The events of a project, by name."""
    return {one.name: one for one in project.known().values() if _is_event(project, one)}


def _is_event(project: Project, known: Known) -> bool:
    head = re.compile(rf"^class {known.name}\((?:\w+, )*Event\):", re.MULTILINE)
    return head.search(project.texts[known.path]) is not None


def _columns(events: Sequence[Known]) -> tuple[Field, list[Field]]:
    """The key of a row, and all columns, the key first.

    Raises:
        UsageError: Nothing can be the key, or a field has two types.
    """
    fields = [one.fields() for one in events]
    shared = [one for one in fields[0] if all(one in others for others in fields)]
    names = [one for one in shared if one.name.endswith("_id")] or [one for one in shared if one.type_name == "UUID"]
    if not names:
        told = ", ".join(one.name for one in events)
        raise click.UsageError(f"no field of {told} names what a row is about, as order_id:UUID would")
    columns = {one.name: one for every in fields for one in every}
    if taken := columns.keys() & {"metadata", "registry"}:
        raise click.UsageError(f"no column is called {', '.join(sorted(taken))}: SQLAlchemy has that name")
    if any(columns[one.name] != one for every in fields for one in every):
        raise click.UsageError("a field of these events has two types: make two read models")
    return names[0], [names[0], *(one for one in columns.values() if one != names[0])]


def _mapped(field: Field, key: Field, events: Sequence[Known]) -> str:
    """The annotation of a column; what not every event tells may be missing."""
    if field == key:
        return f"Mapped[{field.type_name}] = mapped_column(primary_key=True)"
    always = all(field in one.fields() for one in events)
    return f"Mapped[{field.type_name}]" if always else f"Mapped[{field.type_name} | None]"


def _method(event: Known, key: Field, row: str) -> str:
    values = [f"{one.name}=event.{one.name}" for one in event.fields() if one != key]
    upsert = call("rows.upsert", [row, f'{{"{key.name}": event.{key.name}}}', *values], 8)
    head = signature(f"def {snake_case(event.name)}", ["self", f"event: {event.name}", "rows: Rows"], "None", 4)
    return f"    {head}\n        {upsert}"


def _tables(sheets: Sheets) -> str:
    """The Python module with the base class of all tables, made if it is missing."""
    package = sheets.project.layer("infrastructure")
    path = sheets.project.folder(package) / "tables.py"
    needed = [
        ("datetime", "UTC"),
        ("datetime", "datetime"),
        ("decimal", "Decimal"),
        ("typing", "Any"),
        ("typing", "ClassVar"),
        ("sqlalchemy", "BigInteger"),
        ("sqlalchemy", "DateTime"),
        ("sqlalchemy", "Dialect"),
        ("sqlalchemy", "TypeDecorator"),
        ("sqlalchemy.orm", "DeclarativeBase"),
        ("twofold.sql", "ExactDecimal"),
    ]
    if not path.exists():
        sheets.texts[path] = filled("tables.py.txt", imports=imports(needed, sheets.project.package))
    return f"{package}.tables"
