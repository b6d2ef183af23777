"""`twofold new query`: a query, what it answers, its handler, its route, where it looks, and tests of all that.

It looks at the read model of its feature, when there is one with the columns that it asks for; else at what is in
memory.
"""

from collections.abc import Iterable, Sequence

import rich_click as click

from twofold.cli.new._fields import Field, Import, declared, good, parse, value_imports
from twofold.cli.new._known import NotInProject
from twofold.cli.new._names import checked_feature, checked_name
from twofold.cli.new._place import Project
from twofold.cli.new._query_source import QueryPlan, add_by_sql, add_in_memory
from twofold.cli.new._read_model import ReadModel, read_models
from twofold.cli.new._sheets import Sheets
from twofold.cli.new._source import call, mapping, signature
from twofold.cli.new._words import sentence, singular, words_of
from twofold.errors import snake_case

_PAGING = """\
    page: Annotated[int, Field(ge=1, le=100_000)] = 1
    page_size: Annotated[int, Field(ge=1, le=200)] = 20"""


def query(project: Project, name: str, words: Iterable[str], feature: str | None, model: str | None) -> Sheets:
    """A query.

    Args:
        project: The project.
        name: What it is called: a verb, and what it is about; `ListOrders` or `FindOrders` answers a page of many.
        words: What it asks for; the id of one thing unless some are given.
        feature: The feature that it belongs to; by its name unless given.
        model: The read model that it looks at; the only one of the feature that fits unless given.

    Raises:
        UsageError: The name or a field is none.
        NotInProject: There is no such read model, or it has not what is asked for.
    """
    verb, *about = words_of(checked_name(name, "GetOrder"))
    if not about and feature is None:
        raise click.UsageError(f"{name} does not say what it is about: {name}Order would, or --feature does")
    inferred, thing = project.feature_for(about or [str(feature)])
    many = verb in ("list", "find", "search") or (bool(about) and singular(about[-1]) != about[-1])
    fields = parse(words, reserved=("page", "page_size") if many else ())
    fields = fields or (() if many else (Field(f"{thing}_id", "UUID"),))
    sheets = Sheets(project, checked_feature(project, feature or inferred))
    read = _model(project, sheets.feature, fields, model)
    key = Field(f"{thing}_id", "UUID")
    answered = tuple(read.columns) if read else (*([key] if key not in fields else []), *fields)
    plan = QueryPlan(name, many, fields, answered, _path(project, sheets.feature, verb, about, thing, fields), read)
    home = _add(sheets, plan)
    adapter = add_by_sql(sheets, plan, home, read) if read else add_in_memory(sheets, plan, home)
    _test(sheets, plan, home, adapter)
    return sheets


def _model(project: Project, feature: str, asked: Sequence[Field], wanted: str | None) -> ReadModel | None:
    """The read model to look at; None for none.

    Raises:
        NotInProject: There is none of the wanted name that fits.
    """
    fitting = {one.name: one for one in read_models(project) if set(asked) <= set(one.columns)}
    if wanted is not None:
        if wanted not in fitting:
            hint = f"`twofold new projection {wanted}` makes one; it has what its events have"
            raise NotInProject(f"there is no read model {wanted} with all that is asked for", hint=hint)
        return fitting[wanted]
    here = [one for one in fitting.values() if one.feature == feature]
    return here[0] if len(here) == 1 else None


def _path(project: Project, feature: str, verb: str, about: Sequence[str], thing: str, fields: Sequence[Field]) -> str:
    """Where it is offered: at what it is about."""
    base = f"/{feature}".replace("_", "-")
    if any(one.name == f"{thing}_id" for one in fields):
        base += f"/{{{thing}_id}}"
    others = [one for one in about if one not in thing.split("_") and singular(one) not in thing.split("_")]
    path = "/".join((base, *(["-".join(others)] if others else [])))
    return f"{base}/{'-'.join((verb, *about))}" if project.offers(path) else path


def _add(sheets: Sheets, plan: QueryPlan) -> str:
    """The query, its answer and its handler; the full name of the Python module."""
    name = plan.name
    return sheets.add(
        "application",
        snake_case(name),
        "query.py.txt",
        [
            *plan.types,
            *(one for field in (*plan.answered, *plan.asked) for one in field.imports),
            *((("typing", "Annotated"), ("pydantic", "Field")) if plan.many else ()),
            ("typing", "Protocol"),
            ("dataclasses", "dataclass"),
            ("twofold", "Query"),
            sheets.module("application"),
        ],
        name,
        f"{name}DTO",
        f"{name}Source",
        name=name,
        sentence=sentence(name),
        answer=plan.answer,
        dto_fields=declared(plan.answered),
        fields="\n".join(filter(None, [declared(plan.asked), _PAGING if plan.many else ""])),
        looked_up="All that fit, a page of them" if plan.many else "The one that fits; None when there is none",
        path=plan.path,
        signature=signature(f"async def {snake_case(name)}", [f"query: {name}", f"source: {name}Source"], plan.answer),
    )


def _test(sheets: Sheets, plan: QueryPlan, home: str, adapter: Import) -> None:
    """What it answers, and its route."""
    model, name = plan.model, plan.name
    known = call(f"{name}DTO", good(plan.answered))
    answer = "Page.of([KNOWN], total=1)" if plan.many else "KNOWN"
    needed: list[Import] = [(home, name), (home, f"{name}DTO"), *plan.types]
    needed += [sheets.app, ("httpx", ""), ("pytest", ""), ("twofold.testing", "given")]
    needed += value_imports(plan.answered)
    if model is None:
        needed += [(home, f"{name}Source"), adapter]
        before = f"    source = {adapter[1]}([KNOWN])\n"
        answered = f"await given(app, instead={{{name}Source: source}}).when(query).then({answer})"
    else:
        needed.append((model.event.module, model.event.name))
        before = f"    event = {call(model.event.name, good(model.event.fields()), 4)}\n"
        needed += value_imports(model.event.fields())
        answered = f"await given(app, event).when(query).then({answer})"
    shown = {f"{{{one.name}}}": one.type.sent.strip('"') for one in plan.asked}
    url = plan.path
    for blank, value in shown.items():
        url = url.replace(blank, value)
    sheets.test(
        snake_case(name),
        "test_query.py.txt",
        needed,
        sentence=sentence(name),
        known=known,
        good=call(name, good(plan.asked), 4),
        before=before,
        answered=answered,
        nothing="Page.of([], total=0)" if plan.many else "None",
        sent=mapping("SENT", {one.name: one.type.sent for one in plan.asked if f"{{{one.name}}}" not in plan.path}),
        url=url,
        status="200" if plan.many else "404",
    )
