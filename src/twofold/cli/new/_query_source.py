"""Where a generated query looks: at a read model by SQL, or at what is in memory as long as there is none."""

from typing import NamedTuple

from twofold.cli.new._fields import Field, Import
from twofold.cli.new._read_model import ReadModel
from twofold.cli.new._sheets import Sheets
from twofold.cli.new._source import call
from twofold.cli.new._words import sentence
from twofold.errors import snake_case


class QueryPlan(NamedTuple):
    """What is known of a query before anything is written."""

    name: str
    many: bool
    asked: tuple[Field, ...]
    answered: tuple[Field, ...]
    path: str
    model: ReadModel | None

    @property
    def answer(self) -> str:
        return f"Page[{self.name}DTO]" if self.many else f"{self.name}DTO | None"

    @property
    def types(self) -> list[Import]:
        """What annotations of the answer need."""
        return [("twofold", "Page")] if self.many else []


def add_in_memory(sheets: Sheets, plan: QueryPlan, home: str) -> Import:
    """Where it looks as long as there is no read model."""
    lines = ["fit = list(self._known)"]
    lines += [f"fit = [one for one in fit if one.{field.name} == query.{field.name}]" for field in plan.asked]
    if plan.many:
        lines += [
            "first = (query.page - 1) * query.page_size",
            "items = fit[first : first + query.page_size]",
            "return Page.of(items, total=len(fit), page=query.page, page_size=query.page_size)",
        ]
    else:
        lines.append("return next(iter(fit), None)")
    names = [f"{plan.name}DTO", plan.name, f"{plan.name}Source"]
    module = sheets.add(
        "infrastructure",
        f"{snake_case(plan.name)}_in_memory",
        "query_in_memory.py.txt",
        [
            *((home, one) for one in names),
            *plan.types,
            sheets.module("infrastructure"),
            ("collections.abc", "Sequence"),
        ],
        f"{plan.name}InMemory",
        name=plan.name,
        sentence=sentence(plan.name),
        answer=plan.answer,
        found="\n".join(f"        {line}" for line in lines),
    )
    return module, f"{plan.name}InMemory"


def add_by_sql(sheets: Sheets, plan: QueryPlan, home: str, model: ReadModel) -> Import:
    """Where it looks when there is a read model."""
    row = model.row.name
    lines = [f"statement = select({row})"]
    lines += [call("statement = statement.where", [f"{row}.{one.name} == query.{one.name}"], 8) for one in plan.asked]
    if plan.many:
        lines += [
            "total = await self._session.scalar(select(func.count()).select_from(statement.subquery()))",
            call("statement = statement.order_by", [f"{row}.{model.key.name}"], 8),
            "statement = statement.limit(query.page_size).offset((query.page - 1) * query.page_size)",
            "items = [_dto(row) for row in await self._session.scalars(statement)]",
            "return Page.of(items, total=total or 0, page=query.page, page_size=query.page_size)",
        ]
    else:
        lines += [
            "row = (await self._session.scalars(statement)).first()",
            "return None if row is None else _dto(row)",
        ]
    names = [f"{plan.name}DTO", plan.name, f"{plan.name}Source"]
    module = sheets.add(
        "infrastructure",
        f"{snake_case(plan.name)}_by_sql",
        "query_by_sql.py.txt",
        [
            *((home, one) for one in names),
            *plan.types,
            (model.row.module, model.row.name),
            ("sqlalchemy", "select"),
            ("twofold.sql", "ReadSession"),
            sheets.module("infrastructure"),
            *([("sqlalchemy", "func")] if plan.many else []),
        ],
        f"{plan.name}BySql",
        name=plan.name,
        sentence=sentence(plan.name),
        answer=plan.answer,
        projection=model.name,
        row=row,
        found="\n".join(f"        {line}" for line in lines),
        dto=call(f"{plan.name}DTO", [f"{one.name}=row.{one.name}" for one in plan.answered], 4),
    )
    return module, f"{plan.name}BySql"
