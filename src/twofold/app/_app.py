"""An application: modules mounted on a store. Build, check, freeze, run.

Everything is read and checked once, when the application is checked or started; after that the table does not change.
What is said before is in `_wiring.py`; what runs is here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, overload

from twofold.app._administration import Administration
from twofold.app._audit import Audit
from twofold.app._auditing import Auditing, audit_keys
from twofold.app._blocks import Blocks
from twofold.app._caller import Caller
from twofold.app._erasure import Erasure
from twofold.app._personal import keys_of
from twofold.app._places import Places
from twofold.app._production import Profile, profile_of
from twofold.app._progress import Progress
from twofold.app._queues import queues_of
from twofold.app._room import open_room
from twofold.app._run import Run
from twofold.app._said import Said
from twofold.app._sync import SyncApp
from twofold.app._wiring import Wiring
from twofold.clock import Clock, IdSource, SystemClock, new_id
from twofold.dispatch import Idempotency, Module, Policies, options_of
from twofold.errors import Category, StartError, TwofoldError
from twofold.messages import USUAL_WAIT, Command, Expected, Origin, Principal, Query, Receipt
from twofold.messaging import Broker
from twofold.result import Result
from twofold.store import Bounds, Store
from twofold.subscriptions import ParkingLot

if TYPE_CHECKING:
    from twofold.personal import KeyStore

R = TypeVar("R")
E = TypeVar("E")
T = TypeVar("T")


class App(Wiring):
    """Modules mounted on a store: what `twofold run` serves, and what a test starts.

    Args:
        name: What the application is called.
        modules: What it is made of.
        database: A path or `sqlite:///path`, `memory:`, or a store; the environment variable `TWOFOLD_DATABASE`, else a
            SQLite file named after the application, unless given.
        read_database: Where projections, views and the checkpoints of writers are, and queries read, when that is to be
            another database; else the environment variable `TWOFOLD_READ_DATABASE`.
        key_database: Where the keys are that personal data is encrypted with: a path, `sqlite:///path` or
            `postgresql://host/database`, `memory:`, or a key store; the environment variable `TWOFOLD_KEY_DATABASE`
            unless given. It is a database of its own, which no backup of the others takes along.
        broker: Over what events go that modules publish and consume: `nats://host:4222`, several addresses with commas
            between them, `memory:`, or a broker; the environment variable `TWOFOLD_BROKER` unless given.
        errors: What exceptions and error values that know nothing of twofold mean.
        authenticate: Tells who an HTTP request comes from, None for nobody; so `twofold run` serves it, and `http` and
            `attach` unless they are given another.
        http: More arguments of `http`, for all who serve it without saying them, as `twofold run` does: the address of
            a page about its problems, `{"problems": "https://…/errors#"}`, say.
        wait: How long a query waits until it sees what its caller has written, in seconds.
        clock: Where it gets the time.
        ids: Where it gets its ids.
        lease: After how many seconds without a sign of life another process takes its projections and reactions over.
        stuck_after: After how many seconds without a step, while events wait, `/health/workers` fails.
        migrate: Whether it upgrades its stores' own tables when it starts; otherwise it refuses those that are behind,
            and `twofold db upgrade` is for that.
        profile: `production`: what does on a desk and not where others depend on it keeps it from starting; or
            `development`. The environment variable `TWOFOLD_PROFILE`, else `development`, unless given.
        authorization: `required`: a command or query without a policy keeps it from starting; `optional`: one that
            nobody declares a policy of is for everybody, but in production.
        idempotency: What holds for commands with an idempotency key, where their handler says nothing; None: a key
            means nothing.
        audit: Whether its commands leave entries in the audit trail; or how long that keeps them.
        tenants: `apart`: a message has the streams that messages of its tenant have begun, and none of anybody else;
            `together`: every message has all of them. Rows are kept apart by the columns that say whose they are.
        interrupted_after: After how many seconds a command without a timeout counts as interrupted when its attempt was
            told and no end is; one with a timeout does a minute behind it.
        bounds: How much one command may record.
        policies: What holds for its handlers where neither they nor their modules say anything, as in `Policies`; none
            of them is for reactions, which are tried again by themselves.

    Raises:
        WiringError: There is no such policy, profile or way of authorization or of tenants, or no time for commands.

    Example:
        >>> app = App("shop", modules=[orders])
        >>> async with app:
        ...     await app.execute(PlaceOrder(customer_id=ada, lines=lines))
        Success(UUID('...'))
    """

    def __init__(
        self,
        name: str,
        *,
        modules: Sequence[Module] = (),
        database: "str | Path | Store | None" = None,
        read_database: "str | Path | Store | None" = None,
        key_database: "str | Path | KeyStore | None" = None,
        broker: str | Broker | None = None,
        errors: Mapping[type, Category] | None = None,
        authenticate: Callable[[Any], Awaitable[Principal | None]] | None = None,
        http: Mapping[str, Any] | None = None,
        wait: float = USUAL_WAIT,
        clock: Clock | None = None,
        ids: IdSource = new_id,
        lease: float = 5.0,
        stuck_after: float = 60.0,
        migrate: bool = True,
        profile: Profile | None = None,
        authorization: Literal["required", "optional"] = "optional",
        idempotency: Idempotency | None = Idempotency(),
        audit: bool | Auditing = True,
        tenants: Literal["apart", "together"] = "together",
        interrupted_after: float = 900.0,
        bounds: Bounds = Bounds(),
        **policies: Unpack[Policies],
    ) -> None:
        said = Said(
            name=name,
            clock=clock or SystemClock(),
            errors=errors or {},
            policies=options_of(policies, App, of=Policies),
            idempotency=idempotency,
            profile=profile_of(profile),
            auditing=Auditing.of(audit),
            authorization=authorization,
            tenants=tenants,
            interrupted_after=interrupted_after,
            wait=wait,
            lease=lease,
            stuck_after=stuck_after,
            bounds=bounds,
        )
        places = Places(
            database=database,
            read_database=read_database,
            key_database=key_database,
            migrate=migrate,
            said_broker=broker,
        )
        super().__init__(said, modules, places, ids)
        self._authenticate = authenticate
        self._http = dict(http or {})
        self._blocks = Blocks(self._start, self._stop)

    @property
    def keys(self) -> "KeyStore | None":
        """Where the keys of personal data are, once its stores are open; None without a place for them."""
        return keys_of(self.stores)

    @property
    def parked(self) -> ParkingLot:
        """What its projections and reactions have put aside, once its stores are open."""
        proofs = {one.consumption.name: one.prove for one in self._assembled().inboxes}
        others = [self.stores.read] if self.stores.apart else ()
        return ParkingLot(self.store, self.router.catalogue, others, proofs)

    @property
    def audit(self) -> Audit:
        """What its commands have left in the audit trail, once its store is open."""
        return Audit(self.store, self.clock, audit_keys)

    @property
    def authenticates(self) -> bool:
        """Whether somebody tells who an HTTP request comes from."""
        return self._authenticate is not None

    @property
    def superseded(self) -> bool:
        """Whether it can record nothing, since its version of an inline projection has been replaced."""
        return self._run is not None and self._run.superseded

    @property
    def overtaken(self) -> bool:
        """Whether it must record nothing, since its read database was found to be ahead of the log."""
        return self._run is not None and self._run.overtaken

    @property
    def projections(self) -> Administration:
        """Its projections and their versions, to look at, rebuild, switch and roll back.

        Raises:
            StartError: It is not sound.
        """
        return Administration(self.name, self.assembly.projections, self.stores, self.router.catalogue, self.clock)

    async def start(self) -> None:
        """Check everything, open its stores, and start the workers, unless its role has none. Harmless when running.

        Raises:
            StartError: It is not sound; nothing was opened.
            StoreUnavailable: A store cannot be opened.
            Unavailable: Its role leaves it to workers to prepare the database, and none has.
        """
        await self._blocks.start()

    async def stop(self) -> None:
        """Stop the workers after what they are doing, and close its stores. Harmless when stopped."""
        await self._blocks.stop()

    async def __aenter__(self) -> Self:
        """Start it, unless it is running; of blocks that overlap the last one that is left stops it."""
        await self.start()
        self._blocks.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._blocks.leave()

    async def _start(self) -> None:
        if self._run is not None:
            return
        if faults := self.check():
            raise StartError(app=self.name, faults=faults)
        assembly = self._assembled()
        if assembly.reliability is not None:
            assembly.reliability.tell_passed_over()
        self._portal.adopt(asyncio.get_running_loop())
        try:
            self._run = await Run.open(
                assembly,
                self.stores,
                self.router,
                said=self.said,
                new_unit=self.new_unit,
                role=self.role,
                observer=self.watching.observer,
            )
            await self._run.begin()
        except BaseException:
            await self._let_go()
            raise

    async def _stop(self) -> None:
        if self._run is not None:
            await self._let_go()

    async def _let_go(self) -> None:
        run, self._run = self._run, None
        self._portal.adopt(None)
        try:
            if run is not None:
                await run.end()
        finally:
            self._assembly = self._stores = None

    @overload
    async def execute(self, message: Command[R, E], *, origin: Origin | None = None) -> Result[R, E | TwofoldError]: ...
    @overload
    async def execute(self, message: Query[R, E], *, origin: Origin | None = None) -> Result[R, E | TwofoldError]: ...
    @overload
    async def execute(self, message: object, *, origin: Origin | None = None) -> Result[Any, Any]: ...
    async def execute(self, message: object, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Execute a command or a query.

        Args:
            message: The message.
            origin: Where it comes from, when not from the handler that is running.

        Returns:
            What its handler answers, or why it was refused.

        Raises:
            HandlerNotFoundError: It has no handler.
            WiringError: The application is not running.
        """
        self._running()
        return await self.dispatcher.dispatch(message, origin=origin)

    dispatch = execute
    """The same under the name that suits a message of any kind; an event is published."""

    async def publish(
        self, event: object, *, origin: Origin | None = None, survive: bool = False
    ) -> Result[None, TwofoldError]:
        """Record an event in the log; in a unit of work it commits with it.

        Args:
            event: The event.
            origin: Where it comes from, when not from the handler that is running.
            survive: Whether it outlives a roll-back of the unit of work.

        Raises:
            WiringError: It is no event that the application knows, or the application is not running.
        """
        return await self.events.publish(event, origin=origin, survive=survive)

    def caller(
        self,
        *,
        correlation_id: str | None = None,
        user_id: str | None = None,
        tenant: str | None = None,
        principal: Principal | None = None,
        trace: Mapping[str, str] | None = None,
        position: int = 0,
        wait: float | None = None,
        idempotency_key: str | None = None,
        expected: int | Expected | None = None,
    ) -> Caller:
        """Somebody who sends messages, with who they are bound to everything they send, and who sees their own writes.

        Args:
            correlation_id: Joins everything that they cause.
            user_id: Who they are.
            tenant: Whom they act for.
            principal: Who they are, as a door has authenticated them.
            trace: Trace headers.
            position: A position in the log that their queries have to see: the `position` of another caller, say.
            wait: How long a query of theirs waits for that, in seconds; as the application says unless given.
            idempotency_key: What they call a command: one of the same type and user under the same key is handled once,
                and answered the same each time.
            expected: The version that the aggregate or the stream of a decider is at which a command of theirs is
                about, 0 when there is none: the command is `PreconditionFailed` if it is at another one, and refused
                when it is about several. `Expected` says more.
        """
        origin = Origin(
            correlation_id=correlation_id,
            user_id=user_id,
            tenant=tenant,
            principal=principal,
            trace=dict(trace or {}),
            receipt=Receipt(position, wait=self.said.wait if wait is None else wait),
            idempotency_key=idempotency_key,
            expected=Expected.version(expected) if isinstance(expected, int) else expected,
        )
        return Caller(self.dispatcher, origin)

    @property
    def sync(self) -> SyncApp:
        """The same, for code that cannot await."""
        return SyncApp(self, self._portal)

    async def progress(self) -> list[Progress]:
        """How far projections and reactions have come.

        Raises:
            WiringError: The application is not running.
        """
        return await self._running().progress()

    async def needed_progress(self) -> list[Progress]:
        """The same, of those alone whose checkpoints are in a database that it does not serve without.

        Raises:
            WiringError: The application is not running.
        """
        run = self._running()
        return await (run.needed_progress() if self.stores.readless else self.progress())

    async def away(self, *, needed: bool = False) -> list[str]:
        """Which of its databases do not answer: `database`, `read database`.

        Args:
            needed: Whether only those are asked that it does not serve without.

        Raises:
            WiringError: The application is not running.
        """
        return await self._running().away(needed=needed)

    def queues(self) -> Mapping[str, int]:
        """How much waits, by what it waits for: in front of bulkheads, and for the connections of its stores.

        Raises:
            WiringError: The application is not running.
        """
        self._running()
        return queues_of(self.stores, self.assembly.reliability)

    async def settle(self, *, timeout: float = 10.0) -> None:
        """Wait until projections and reactions have dealt with all that is in the log, and what others have sent.

        Args:
            timeout: How long to wait, in seconds.

        Raises:
            TimedOut: They have not; the error says which, and what they failed with.
            WiringError: The application is not running.
        """
        await self._running().settle(timeout)

    async def erase(self, subject: str, *, user_id: str | None = None) -> Erasure:
        """Destroy the key of a subject for good, so that nobody reads their personal data any more.

        Args:
            subject: `customer:7f3`, as `Subject` marks it.
            user_id: Who has asked for it, for the audit trail.

        Returns:
            What that covers.

        Raises:
            NotFound: It has no personal data of such a kind, or the id can be nobody's.
            StoreUnavailable: The keys cannot be reached: it may have to be done again.
            WiringError: It is not running.
        """
        self._running()
        done: Erasure = await open_room("twofold.app.erasing").erase(self, subject, user_id=user_id)
        return done

    async def has_reached(self, position: int) -> bool:
        """Whether its log has come to a position; True where the log is out of reach, so that nobody can tell.

        Raises:
            WiringError: The application is not running.
        """
        return await self._running().positions.given_out(position)

    async def get(self, wanted: type[T]) -> T:
        """A dependency that lives as long as the application."""
        return await self.assembly.injection.services.get(wanted)

    def http(self, **options: Any) -> Any:
        """The application as an ASGI application; see `twofold.web.http` for the options.

        Raises:
            MissingExtraError: The extra `web` is not installed.
            StartError: The application runs already, and a route is not sound.
        """
        return open_room("twofold.web").http(self, **{"authenticate": self._authenticate, **self._http, **options})

    def attach(self, fastapi_app: Any, **options: Any) -> None:
        """Mount the application in a FastAPI application of yours; see `twofold.web.attach` for the options.

        Raises:
            MissingExtraError: The extra `web` is not installed.
        """
        open_room("twofold.web").attach(self, fastapi_app, **{"authenticate": self._authenticate, **options})
