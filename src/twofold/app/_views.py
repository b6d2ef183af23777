"""The materialized views of an application: checked at its start, and refreshed after what they select from."""

from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

from twofold.app._outside import same_name
from twofold.dispatch import Module
from twofold.errors import Fault
from twofold.messages import Catalogue
from twofold.projections import Feeder, Projection, Refresher
from twofold.store import Selection, Store


def views_of(modules: Iterable[Module]) -> list[Any]:
    """The views that modules declare, in order."""
    return list(dict.fromkeys(view for module in modules for view in module.views))


def view_faults(
    views: Sequence[Any], projections: Sequence[Projection], taken: Iterable[str], sql: ModuleType | None
) -> Iterator[Fault]:
    """What is wrong with views.

    Args:
        views: The views.
        projections: The projections of the application.
        taken: Names under which checkpoints are kept already.
        sql: The room of SQL, when there is one.
    """
    names = set(taken)
    for view in views:
        if sql is None or not isinstance(view, sql.View):
            text = "is no View" if sql is not None else "is a view, and the store knows no SQL"
            hint = "module.view(View(...))" if sql is not None else "use a database that does"
            yield Fault(where=f"view {getattr(view, 'name', view)}", code="unusable_view", text=text, hint=hint)
            continue
        yield from same_name(f"view {view.name}", view.name, names)
        for column in view.untyped:
            text = f"selects {column}, which has no SQL type, so no table can keep it"
            hint = f"give it one: type_coerce(..., String).label({column!r}), or func.json(..., type_=String)"
            yield Fault(where=f"view {view.name}", code="untyped_column", text=text, hint=hint)
        for projection in projections:
            if projection.mode == "live" and view.reads & _tables(projection, sql):
                text = f"selects from tables of the projection {projection.name}, which is live and stores nothing"
                hint = "choose another mode for the projection"
                yield Fault(where=f"view {view.name}", code="live_source", text=text, hint=hint)


def refreshers(
    views: Sequence[Any],
    projections: Sequence[Projection],
    *,
    catalogue: Catalogue,
    store: Store,
    sessions: Any,
    sql: ModuleType,
) -> list[Refresher]:
    """What keeps the views of a sound application.

    Args:
        views: The views.
        projections: The projections of the application.
        catalogue: Where events have their wire names.
        store: The store that they are in.
        sessions: Makes its sessions.
        sql: The room of SQL.
    """
    fillers = [
        (_tables(projection, sql), Feeder(name=projection.name, selection=_selection(projection.events, catalogue)))
        for projection in projections
        if projection.mode == "async"
    ]
    made: list[Refresher] = []
    for view in views:
        types = catalogue.stored_as(view.refresh_on)
        refresher = Refresher(
            name=view.name,
            statements=sql.refresh_statements(view, sessions.dialect),
            types=types,
            every=view.refresh_every,
            feeders=[feeder for tables, feeder in fillers if view.reads & tables],
            store=store,
            session_of=sql.session_of(sessions),
        )
        made.append(refresher)
        if types:
            fillers.append((frozenset({view.table.fullname}), Feeder(name=view.name, selection=refresher.selection)))
    return made


def bind(views: Sequence[Any], projections: Iterable[Projection], sql: ModuleType) -> None:
    """Tell projections which views are over their tables, by others too: they hold other rows after a switch.

    Args:
        views: The views of a sound application.
        projections: Its projections.
        sql: The room of SQL.
    """
    for projection in projections:
        reached, found = set(_tables(projection, sql)), list[Any]()
        while more := [view for view in views if view not in found and view.reads & reached]:
            found += more
            reached |= {view.table.fullname for view in more}
        # In the order of their creation, in which whoever selects from another one comes behind it.
        projection.views = tuple(view for view in views if view in found)


def _tables(projection: Projection, sql: ModuleType) -> frozenset[str]:
    return frozenset(sql.table_of(table).fullname for table in projection.tables)


def _selection(events: Iterable[type], catalogue: Catalogue) -> Selection:
    return Selection(types=catalogue.stored_as(events))
