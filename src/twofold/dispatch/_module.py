"""A module: the handlers, projections and providers that one feature exports, mounted by an application.

Nothing is resolved while a module is being written; the application reads it at its start and reports every fault
at once.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal, TypeVar, Unpack, overload

from dishka import Provider

from twofold.dispatch._consumption import ConsumptionDeclaration
from twofold.dispatch._decider import Decider, DeciderDeclaration, Outcome
from twofold.dispatch._following import Following, Start
from twofold.dispatch._guard import Authorize
from twofold.dispatch._handler import Door, Target
from twofold.dispatch._options import Options, Policies, options_of
from twofold.dispatch._projection import Mode, ProjectionDeclaration, Switch
from twofold.dispatch._provider import Lifetime, provider_of
from twofold.dispatch._publication import PublicationDeclaration
from twofold.dispatch._registration import Registration
from twofold.dispatch._signature import methods_for_messages
from twofold.dispatch._writer import WriterDeclaration
from twofold.errors import Classification, WiringError
from twofold.messages import Kind, Principal, Upcast, Upcaster

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)
M = TypeVar("M")
S = TypeVar("S")
V = TypeVar("V")


class Module:
    """A bundle of handlers that one feature exports.

    Args:
        name: What the feature is called, once per application.
        errors: What exceptions and error values that know nothing of twofold mean.
        authorize: Who may send its commands and queries, where their handlers do not say it themselves.
        policies: What holds for its handlers that say nothing themselves, as in `Policies`.

    Example:
        >>> orders = Module("orders")
        >>> @orders.handler
        ... async def place_order(command: PlaceOrder, repository: Repository[Order]) -> Result[UUID]: ...
    """

    def __init__(
        self,
        name: str,
        *,
        errors: Classification | None = None,
        authorize: Authorize | None = None,
        **policies: Unpack[Policies],
    ) -> None:
        self.name = name
        self.authorize = authorize
        self.policies = options_of(policies, Module, of=Policies)
        self.errors: Classification = errors or {}
        self.registrations: list[Registration] = []
        self.projections: list[ProjectionDeclaration] = []
        self.writers: list[WriterDeclaration] = []
        self.publications: list[PublicationDeclaration] = []
        self.consumptions: list[ConsumptionDeclaration] = []
        self.deciders: list[DeciderDeclaration] = []
        self.views: list[Any] = []
        self.messages: list[type] = []
        self.upcasters: list[Upcaster] = []
        self.skipped: list[str] = []
        self.tables: list[Any] = []
        self.providers: list[Provider] = []

    @overload
    def handler(self, target: F, /) -> F: ...
    @overload
    def handler(
        self,
        /,
        *,
        path: str | None = None,
        method: str | None = None,
        status: int | None = None,
        hidden: bool = False,
        version: str | None = None,
        live: bool = False,
        blocking: bool = False,
        reads: Sequence[str] | None = None,
        **options: Unpack[Options],
    ) -> Callable[[F], F]: ...
    def handler(
        self,
        target: Any = None,
        /,
        *,
        path: str | None = None,
        method: str | None = None,
        status: int | None = None,
        hidden: bool = False,
        version: str | None = None,
        live: bool = False,
        blocking: bool = False,
        reads: Sequence[str] | None = None,
        **options: Unpack[Options],
    ) -> Any:
        """Declare a function, or a class with `handle`, as the handler of its first parameter's message.

        Args:
            target: The function or class, when used without parentheses.
            path: Where the web offers it, with `{fields}` of the message.
            method: The HTTP method it is offered by.
            status: The HTTP status of a Success.
            hidden: Whether the web does not offer it.
            version: The field of a query's answer that is the version of what it shows: clients are given it in its
                `ETag`, and send that as `If-Match` with a command that is to be done at that version only.
            live: Whether a query can be followed: who accepts `text/event-stream` is told its answer whenever it is
                another one. It is asked again when there are events of what `reads` names, else of any.
            blocking: Whether a `def` may block, and so runs in a thread.
            reads: The projections, and views refreshed on events, that a query reads, by name: a caller's query waits
                for those only, until they show what the caller has written. All of them unless given.
            options: Stages of its pipeline, as in `Options`.

        Raises:
            WiringError: There is no such option.
        """
        door = Door(path=path, method=method, status=status, hidden=hidden, version=version, live=live)
        said = options_of(options, self.handler)

        def declare(found: F) -> F:
            self.registrations.append(
                Registration(target=found, blocking=blocking, door=door, reads=_names(reads), options=said)
            )
            return found

        return declare if target is None else declare(target)

    def handlers(self, cls: C) -> C:
        """Declare every public method of a class whose first parameter is a message as a handler of it."""
        self.registrations += [Registration(target=cls, method=name) for name in methods_for_messages(cls)]
        return cls

    def on(
        self,
        *events: type | str,
        blocking: bool = False,
        start: Start = "beginning",
        partitions: int = 1,
        tags: Collection[str] = (),
        stream: str | None = None,
        durable: bool = True,
        principal: Principal | None = None,
    ) -> Callable[[F], F]:
        """Declare a reaction to events, by their classes or by their wire names; to each of them it is one of its own.

        Args:
            events: The events.
            blocking: Whether a `def` may block, and so runs in a thread.
            start: Where in the log it starts when it is new: `beginning`, `now`, or a position.
            partitions: Into how many equal shares of the streams it is cut. They run side by side, each in the order of
                its streams. Stop every process that runs it before you change the number.
            tags: Only events that carry all of these tags.
            stream: Only events of this stream, or of all whose names begin like it when it ends with `*`.
            durable: Whether it follows the log, with a checkpoint of its own, until it has dealt with every event;
                otherwise it is local: run once, in the process that has committed the event and for as long as that
                lives, and what it fails with is logged, counted and gone.
            principal: Whom it sends messages as, a service say, for policies to decide about them; nobody unless
                given, and then only those policies are asked that always are. The tenant is that of the event, where
                it names none.

        Raises:
            WiringError: One of these is out of its range, or no event is named.

        Example:
            >>> @orders.on(OrderPlaced, OrderPaid)
            ... async def thank_customer(event: OrderPlaced | OrderPaid, mail: Mail) -> None: ...
        """
        if not events:
            raise WiringError("a reaction has to name an event: `on(OrderPlaced)`")
        following = Following(
            start=start,
            partitions=partitions,
            tags=frozenset(tags),
            stream=stream,
            durable=durable,
            principal=principal,
        )

        def declare(target: F) -> F:
            self.registrations.extend(
                Registration(
                    target=target,
                    kind=Kind.EVENT,
                    message_type=event if isinstance(event, type) else None,
                    event_name=event if isinstance(event, str) else None,
                    blocking=blocking,
                    following=following,
                )
                for event in events
            )
            return target

        return declare

    def register(
        self,
        message: type,
        handler: Target,
        *,
        kind: Kind | None = None,
        path: str | None = None,
        method: str | None = None,
        status: int | None = None,
        hidden: bool = False,
        version: str | None = None,
        live: bool = False,
        blocking: bool = False,
        reads: Sequence[str] | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Declare a handler for a message type, the explicit way; parameters as in `handler`."""
        self.registrations.append(
            Registration(
                target=handler,
                message_type=message,
                kind=kind,
                blocking=blocking,
                door=Door(path=path, method=method, status=status, hidden=hidden, version=version, live=live),
                reads=_names(reads),
                options=options_of(options, self.register),
            )
        )

    def events(self, *events: type) -> None:
        """Declare events that the log may hold, though nothing in this module handles them."""
        self.messages.extend(events)

    @overload
    def upcast(self, name: str, version: int, change: Upcast, *, into: Collection[str] = ()) -> None: ...
    @overload
    def upcast(self, name: str, version: int, *, into: Collection[str] = ()) -> Callable[[F], F]: ...
    def upcast(self, name: str, version: int, change: Upcast | None = None, *, into: Collection[str] = ()) -> Any:
        """Declare what an older version of an event becomes when it is read; the log stays as it is.

        It is given the fields of the event as JSON has them, and answers those of the next version; or `Encoded`
        events, when it becomes another one or several; or None, when it is to be passed over. What it answers is upcast
        in turn until it is of today. It is called whenever such an event is read, so it computes and nothing else.
        Personal data that is erased it is given as an `Erased`, and what it makes of that is erased too.

        Args:
            name: The wire name that the log has.
            version: The version that the log has.
            change: Makes the newer form; declared as a decorator unless given.
            into: The wire names that it may answer, when that is not its own name alone.

        Raises:
            WiringError: The version is below 1, or `change` is no plain function.

        Example:
            >>> @orders.upcast("order_placed", 1)
            ... def with_currency(data: dict[str, Any]) -> dict[str, Any]:
            ...     return {**data, "currency": "EUR"}
        """

        def declare(found: Any) -> Any:
            self.upcasters.append(Upcaster(name, version, found, into))
            return found

        if change is None:
            return declare
        declare(change)
        return None

    def skip(self, *events: str) -> None:
        """Declare events of the log that are passed over from now on, of every version: their classes are gone.

        Args:
            events: Their wire names.
        """
        self.skipped.extend(events)

    def state(self, *tables: Any) -> None:
        """Declare tables that hold the state of this module; created when they are missing.

        Args:
            tables: SQLAlchemy tables or mapped classes.
        """
        self.tables.extend(tables)

    def projection(
        self,
        name: str,
        *,
        mode: Mode = "async",
        tables: Sequence[Any] = (),
        version: int = 1,
        switch: Switch = "auto",
    ) -> Callable[[C], C]:
        """Declare a class as a projection: one public method for each event it wants.

        Args:
            name: Its identity; its checkpoint is kept under it. A new name starts at the beginning of the log, on
                whatever its tables hold.
            mode: `inline`: its rows commit with the events; `async`: they follow; `live`: nothing is stored, and its
                rows are made of the log when a handler reads them through `Live`. One switch: at the next start an
                inline projection first catches up, and an async one goes on from there. Before, stop every process
                that runs it in the other mode. An inline projection misses what applications without it record.
            tables: The tables that it fills; created when they are missing, but for a live one.
            version: Raise it when it makes other rows of the same events, or its tables have other columns. The new
                version is built from the first event on, beside the live one, which goes on until the new one takes
                its place. Processes of an older version stand aside then.
            switch: `auto`: the new version takes the place once it has caught up; `manual`: once somebody says
                `twofold projections switch`. One that is or was inline always takes it at the start of the application.
        """

        def declare(cls: C) -> C:
            self.projections.append(
                ProjectionDeclaration(
                    name=name, mode=mode, cls=cls, tables=tuple(tables), version=version, switch=switch
                )
            )
            return cls

        return declare

    def view(self, view: Any) -> None:
        """Declare a materialized view; created when it is missing, and refreshed as it says.

        Args:
            view: A `twofold.sql.View`.
        """
        self.views.append(view)

    def writer(self, name: str, *, events: Sequence[type] = ()) -> Callable[[C], C]:
        """Declare a class as a writer: it brings events to another technology, at least once and in order.

        It has an `async def` for each event that it wants, which may ask for the `Recorded` too; or a single one that
        takes a `Sequence[Fact]`. One instance is made, with the dependencies of its `__init__`. The checkpoint moves
        when all events that were handed over are acknowledged, so after a crash the last ones are given again: write
        under the position, or remember it, and nothing changes twice.

        Args:
            name: Its identity; its checkpoint is kept under it.
            events: What it is given, when it takes batches.

        Example:
            >>> @orders.writer("search")
            ... class Search:
            ...     def __init__(self, index: SearchIndex) -> None:
            ...         self.index = index
            ...
            ...     async def placed(self, event: OrderPlaced, recorded: Recorded) -> None:
            ...         await self.index.put(event.order_id, event.total, version=recorded.position)
        """

        def declare(cls: C) -> C:
            self.writers.append(WriterDeclaration(name=name, cls=cls, events=tuple(events)))
            return cls

        return declare

    def publishes(
        self,
        *events: type,
        to: str,
        personal: Literal["withheld"] | None = None,
        start: Start = "beginning",
        partitions: int = 1,
    ) -> None:
        """Declare events that leave the service: once recorded, a relay gives them to the application's broker.

        Nothing else leaves. Each message is a CloudEvent with the id of its event, given at least once and in the order
        of its stream. The checkpoint of the relay moves when the broker has confirmed.

        Args:
            events: Their classes; no event is published twice.
            to: The place: an `OrderPlaced` has the subject `orders.order_placed` when this is `orders`.
            personal: `withheld`: what is `Personal` in an event leaves as erased, always. Unless said, such an event
                keeps the application from starting.
            start: Where the relay starts in a log that it is new to: `beginning`, `now` or a position.
            partitions: Into how many equal shares of the streams it is cut, each with a relay of its own.

        Example:
            >>> orders.publishes(OrderPlaced, OrderPaid, to="orders")
        """
        self.publications.append(PublicationDeclaration(events, to, personal, start, partitions))

    def consumes(
        self,
        *events: type,
        from_: str,
        start: Literal["beginning", "now"] = "beginning",
        tenants: Literal["trusted"] | None = None,
        remembered: float = 7 * 86_400.0,
    ) -> None:
        """Declare events of other services: what comes over the application's broker is recorded, then acknowledged.

        From then on they are events of the log as all others: `on` reacts to them, projections show them. Each is
        recorded once, however often it comes, in the order of its stream, which is called `from:orders:` and its name
        there. A message that is none of them is parked, `inbox:orders` say, and none is lost.

        Args:
            events: Classes of this application, which have the wire names and versions of those that are published.
            from_: The place: an `OrderPaid` comes under the subject `orders.order_paid` when this is `orders`.
            start: Where it starts when the broker does not know this application yet: with the first message that it
                keeps, or with the next one that comes.
            tenants: `trusted`: the tenant that a message names is that of its event. Otherwise it has none, since
                anybody who may publish to the place can write anything there.
            remembered: For how many seconds it is known which messages have come. Longer than the broker keeps them: a
                copy that comes later is a new message.

        Example:
            >>> billing.consumes(OrderPaid, from_="orders")
            >>> @billing.on(OrderPaid)
            ... async def write_invoice(event: OrderPaid, mail: Mail) -> None: ...
        """
        self.consumptions.append(ConsumptionDeclaration(events, from_, start, tenants, remembered))

    def decider(
        self,
        *,
        initial: Callable[[], S],
        decide: Callable[[M, S], Outcome[V, Any]],
        evolve: Callable[[S, V], S],
        stream: str | Callable[[M], str],
        answer: Callable[[S], Any] | None = None,
        snapshots: Callable[[Any], bool] | None = None,
        snapshot_version: int = 1,
        **options: Unpack[Options],
    ) -> Decider[M, S, V]:
        """Declare three pure functions as the handler of all commands that `decide` takes by its annotation.

        The state is what `evolve` makes of the events of a stream. What is decided is appended behind the last of
        them; when others were faster, it is decided again on what they left.

        Args:
            initial: Makes the state before the first event.
            decide: Takes a command and the state, and answers with an `Outcome`: a list of events, none when there is
                nothing to do; or a Failure, which refuses.
            evolve: Takes the state and an event, and answers with the next state; it never refuses.
            stream: The name of the stream, with `{fields}` of the command; or a function of the command.
            answer: What a Success answers, of the state behind it; nothing unless given.
            snapshots: When the state is kept beside its stream, `every(100)` say; never unless given.
            snapshot_version: Raised when `evolve` comes to something else, so that older snapshots are not used.
            options: Stages of the pipeline of each of the commands, as in `Options`.

        Returns:
            The same, for tests.

        Raises:
            WiringError: There is no such option.

        Example:
            >>> decider = bank.decider(initial=Account, decide=decide, evolve=evolve, stream="account-{account_id}")
        """
        decider = Decider(
            initial=initial,
            decide=decide,
            evolve=evolve,
            stream=stream,
            answer=answer,
            snapshots=snapshots,
            snapshot_version=snapshot_version,
        )
        self.deciders.append(DeciderDeclaration(decider=decider, options=options_of(options, self.decider)))
        return decider

    def provide(self, wanted: Any, source: Any = None, *, scope: Lifetime = "message") -> None:
        """Provide a dependency.

        Args:
            wanted: The type that handlers ask for: a protocol or a class.
            source: A class, a factory function, a generator, or an instance; the wanted class itself unless given.
            scope: How long one lives. An instance lives as long as the application.

        Raises:
            WiringError: There is no such scope, or the source is an annotation.

        Example:
            >>> orders.provide(Mail, SmtpMail, scope="app")
        """
        self.providers.append(provider_of(wanted, source, scope))

    def include(self, provider: Provider) -> None:
        """Take a dishka provider as it is."""
        self.providers.append(provider)

    def __iter__(self) -> Iterator[Registration]:
        return iter(self.registrations)


def _names(reads: Sequence[str] | None) -> tuple[str, ...] | None:
    if isinstance(reads, str):
        raise WiringError(f"reads={reads!r} is one text: use a list of names")
    return None if reads is None else tuple(reads)
