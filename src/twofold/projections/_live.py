"""Live projections: nothing is stored, and the rows are made of the log at the moment when somebody reads them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, final, overload

from dishka import Provider, Scope

from twofold.errors import FaultError
from twofold.messages import Catalogue
from twofold.projections._projection import Projection
from twofold.store import Log, RowChange, Selection, Store, decode, everything

P = TypeVar("P")
R = TypeVar("R")

_PAGE = 500


class Tables(Protocol):
    """Rows in memory, by table; what they are changed by comes to the same as in a database."""

    def change(self, changes: Sequence[RowChange], /) -> None:
        """Apply changes in order."""
        ...

    def row(self, table: Any, /, **key: Any) -> Any:
        """The row with this primary key, or None."""
        ...

    def rows(self, table: Any, /) -> Iterator[Any]:
        """All rows of a table, in the order they came."""
        ...


NewTables: TypeAlias = Callable[[], Tables]
"""Makes tables without a row."""


@final
class LiveRows:
    """What a live projection has made of the log.

    Args:
        projection: The projection.
        tables: Its rows.
        position: The head of the log when they were made: nothing up to it is missing in them.
    """

    __slots__ = ("_projection", "_tables", "position")

    def __init__(self, projection: Projection, tables: Tables, position: int) -> None:
        self._projection = projection
        self._tables = tables
        self.position = position

    @overload
    def row(self, table: type[R], /, **key: Any) -> R | None: ...
    @overload
    def row(self, table: Any, /, **key: Any) -> Any: ...
    def row(self, table: Any, /, **key: Any) -> Any:
        """The row with this primary key, or None.

        Args:
            table: A mapped class, whose instance is given; or a table, whose row is a mapping.
            key: The columns of its primary key.

        Raises:
            FaultError: The projection does not fill this table.
        """
        return self._tables.row(self._known(table), **key)

    @overload
    def rows(self, table: type[R], /) -> list[R]: ...
    @overload
    def rows(self, table: Any, /) -> list[Any]: ...
    def rows(self, table: Any, /) -> list[Any]:
        """All rows of a table, in the order in which they came to be.

        Args:
            table: A mapped class, whose instances are given; or a table, whose rows are mappings.

        Raises:
            FaultError: The projection does not fill this table.
        """
        return list(self._tables.rows(self._known(table)))

    def _known(self, table: Any) -> Any:
        if self._projection.fills(table):
            return table
        where, name = f"projection {self._projection.name}", getattr(table, "__name__", None) or table
        text, hint = f"is asked for the table {name}, which is not among its tables", "ask for one that it declares"
        raise FaultError(where=where, code="undeclared_table", text=text, hint=hint)


@final
class Live(Generic[P]):
    """A live projection, for handlers that read it; they ask for it by its class.

    Args:
        projection: The projection.
        log: The log.
        catalogue: What events are decoded with.
        tables: Makes what the rows are folded in.

    Example:
        >>> @orders.handler
        ... async def order_detail(query: OrderDetail, details: Live[OrderDetails]) -> DetailRow | None:
        ...     found = await details.read(stream=Order.stream_of(query.order_id))
        ...     return found.row(DetailRow, order_id=query.order_id)
    """

    __slots__ = ("_catalogue", "_log", "_projection", "_tables", "_types")

    def __init__(self, projection: Projection, log: Log, catalogue: Catalogue, tables: NewTables) -> None:
        self._projection = projection
        self._log = log
        self._catalogue = catalogue
        self._tables = tables
        self._types = catalogue.stored_as(projection.events)

    async def read(self, *, stream: str | None = None, tags: Collection[str] = ()) -> LiveRows:
        """Make the rows, of all that is in the log now.

        The database selects the events, a page at a time is in memory, and so are the rows. Reading one stream costs as
        much as its events; without a stream or tags every event of the log is looked at, which is for small logs.

        Args:
            stream: Only events of this stream, or of all whose names begin like it when it ends with `*`.
            tags: Only events that carry all of these tags.
        """
        head = await self._log.head()
        where = (Selection(types=self._types, stream=stream, tags=frozenset(tags)),)
        tables = self._tables()
        async for page in everything(self._log, where, head=head, limit=_PAGE):
            tables.change(self._projection.rows(decode(self._catalogue, page)))
        return LiveRows(self._projection, tables, head)


def live_provider(projections: Iterable[Projection], tables: NewTables) -> Provider:
    """What lets handlers ask for live projections by their classes.

    Args:
        projections: The live projections of an application.
        tables: Makes what their rows are folded in.
    """
    known = {projection.cls: projection for projection in projections}

    def live(kind: type[P], store: Store, catalogue: Catalogue) -> Live[P]:
        return Live(known[kind], store.log, catalogue, tables)

    provider = Provider(scope=Scope.APP)
    provider.provide(live)
    return provider
