"""Putting an application together: read the modules, fill the table, build the container, and collect every fault.

One pass in the order of `assemble`; after the start nothing in here runs but what tells of commits.
"""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dishka import Provider

from twofold.app._aggregates import aggregate_faults, aggregates_of, shared_stream_faults
from twofold.app._answers import answer_faults
from twofold.app._apart import apart_faults
from twofold.app._auditing import key_faults
from twofold.app._authorization import Authorization, authorization_of
from twofold.app._broker import broker_faults, carried_events, read_consumptions, read_publications
from twofold.app._database import sessions_of
from twofold.app._deciders import read_deciders
from twofold.app._decisions import read_decisions
from twofold.app._encodable import encoding_faults
from twofold.app._entities import entity_faults
from twofold.app._environment import misspelt_variables
from twofold.app._fallbacks import fallback_faults
from twofold.app._handlers import add_messages, missing_handler_faults, read_handlers, same_reaction_faults, unhandled
from twofold.app._idempotency import idempotency_of
from twofold.app._lifecycle import Attempts, attempts_of, lifecycle_events, lifecycle_faults
from twofold.app._live import live_faults
from twofold.app._local import LocalReactions
from twofold.app._mistake import faults_of
from twofold.app._needs import need_faults, policy_faults
from twofold.app._options import option_faults
from twofold.app._outside import read_writers, writer_provider
from twofold.app._own_writes import reads_faults, waited_for
from twofold.app._personal import personal_faults
from twofold.app._production import production_faults
from twofold.app._providers import own_provider
from twofold.app._reactor import Reactor
from twofold.app._role import Role
from twofold.app._room import open_room
from twofold.app._said import Running, Said, Watching
from twofold.app._scan import messages_near, messages_of
from twofold.app._stages import caching_of, pipeline_of, reliability_of
from twofold.app._stores import Stores
from twofold.app._tables import table_faults
from twofold.app._upcasting import upcaster_faults
from twofold.app._views import bind, refreshers, view_faults, views_of
from twofold.dispatch import Handler, Idempotency, Injection, Module, Router, inject
from twofold.errors import Classification, Classifier, Fault, WiringError
from twofold.messages import Event, Kind
from twofold.messaging import Broker, Consumption, Inbox, MemoryBroker, Publication, Relay
from twofold.middleware import Spans, level_of, tally_of
from twofold.projections import (
    OutsideWriter,
    Projection,
    Projector,
    Refresher,
    SessionOf,
    Writer,
    inline_rows,
    live_provider,
    name_faults,
)
from twofold.store import INLINE, Behind, Fact, Inline, MemoryTables, Move, Refusals, Store, TenantStore, Told
from twofold.subscriptions import Subscriber

if TYPE_CHECKING:
    from twofold.app._caching import Caching
    from twofold.app._reliability import ReliabilityParts


@dataclass(kw_only=True)
class Assembly:
    """An application as put together.

    Args:
        store: Where its log is, as messages see it.
        faults: Everything that keeps it from starting.
        brokerless: The faults of what has no broker to go over: they keep it from starting too, and nobody from looking
            at it.
        injection: Where handlers get their dependencies.
        projections: Its projections.
        writers: What brings its events to other technologies.
        publications: What leaves the service.
        consumptions: What comes from other services.
        broker: What both go over; None where nothing does.
        inboxes: Where what comes is recorded.
        followers: What follows the log for readers: async projections, writers, and views refreshed on events.
        outside: The writers among them; who runs a projection depends on its version.
        reactions: What follows it and writes.
        local: The reactions that do not follow it; None when there are none.
        told: Told of every commit; None when nobody wants to know.
        views: What keeps its materialized views.
        inline: What inline projections make of a unit of work.
        held: What must hold for them.
        state: The tables of its state.
        read_models: The tables and views that it is read by.
        reliability: What is set of reliability, and where; None for nothing.
        authorization: Who may send which message, and where that is declared.
        caching: What keeps answers of queries; None when no handler says `cache`.
        idempotency: What is said of commands with a key, by handler.
        refusals: Counts what limits refuse, for the audit trail; None without one.
        behind: Writes what answers need not wait for.
        attempts: The attempts whose end is recorded when nobody comes to it; None when there are none.
        spans: Where spans go; None for nowhere.
    """

    store: Store
    faults: list[Fault] = field(default_factory=list[Fault])
    brokerless: list[Fault] = field(default_factory=list[Fault])
    injection: Injection = field(default_factory=Injection)
    projections: list[Projection] = field(default_factory=list[Projection])
    writers: list[Writer] = field(default_factory=list[Writer])
    publications: list[Publication] = field(default_factory=list[Publication])
    consumptions: list[Consumption] = field(default_factory=list[Consumption])
    broker: Broker | None = None
    inboxes: list[Inbox] = field(default_factory=list[Inbox])
    followers: list[Subscriber] = field(default_factory=list[Subscriber])
    outside: list[Subscriber] = field(default_factory=list[Subscriber])
    reactions: list[Subscriber] = field(default_factory=list[Subscriber])
    local: LocalReactions | None = None
    told: Told | None = None
    views: list[Refresher] = field(default_factory=list[Refresher])
    inline: Inline | None = None
    held: tuple[Move, ...] = ()
    state: tuple[Any, ...] = ()
    read_models: tuple[Any, ...] = ()
    reliability: "ReliabilityParts | None" = None
    authorization: Authorization = field(default_factory=Authorization)
    caching: "Caching | None" = None
    idempotency: Mapping[Handler, Idempotency] = field(default_factory=dict[Handler, Idempotency])
    refusals: Refusals | None = None
    behind: Behind = field(default_factory=Behind)
    attempts: Attempts | None = None
    spans: Spans | None = None


def assemble(
    *,
    modules: Sequence[Module],
    router: Router,
    stores: Stores,
    broker: Callable[[], Broker | None],
    said: Said,
    role: Role,
    errors: Classification,
    watching: Watching,
    running: Running,
    overrides: Provider,
    refused: Sequence[Fault],
) -> Assembly:
    """Put an application together.

    Args:
        modules: What it is made of.
        router: The table to fill; empty.
        stores: Where it keeps what it has.
        broker: Gives what events leave and come over; asked where they do.
        said: Its settings.
        role: Which part of it this process is.
        errors: What exceptions and error values mean, by its word and that of its modules.
        watching: Who is told what it does.
        running: What its parts ask of it while it runs.
        overrides: What takes the place of what the modules provide.
        refused: The faults of what could not even be put in: of middleware.
    """
    store = TenantStore(stores.write) if said.tenants_apart else stores.write
    done = Assembly(
        store=store, faults=[*refused, *misspelt_variables(), *_same_modules(modules)], spans=watching.spans
    )
    known_sql = "sqlalchemy" in sys.modules
    writing = sessions_of(stores.write) if known_sql else None
    sessions = sessions_of(stores.read) if known_sql and stores.apart else writing
    either = open_room("twofold.sql") if writing is not None or sessions is not None else None
    sql = None if sessions is None else either
    session_of = None if sql is None else sql.session_of(sessions)
    for module in modules:
        _add_projections(module, done, session_of, either)
    near = messages_near(modules)
    views = views_of(modules)
    known = [event for module in modules for event in module.messages]
    known += lifecycle_events(modules)
    known += read_decisions(modules, done.faults)
    known += [event for view in views for event in getattr(view, "refresh_on", ())]
    known += carried_events(modules)
    done.writers, unusable = read_writers(modules, [projection.name for projection in done.projections])
    done.faults += unusable
    readers: list[Projection | Writer] = [*done.projections, *done.writers]
    done.faults += view_faults(views, done.projections, [reader.name for reader in readers], sql)
    handled = [event for reader in readers for event in reader.events]
    events = [*known, *handled, *(cls for cls in near if issubclass(cls, Event))]
    add_messages(router.catalogue, events, done.faults, Kind.EVENT)
    deciding, meant = read_deciders(modules, near, done.faults)
    handlers, unread = read_handlers(modules, deciding, router, done.faults)
    forgotten = unhandled(near, handlers, meant.union(*map(messages_of, unread)))
    done.faults += missing_handler_faults(forgotten)
    lost = [*forgotten, *sorted(meant, key=repr)]
    bases = {base for one in lost for base in one.__mro__[1:]}  # which need not be messages themselves
    add_messages(router.catalogue, [one for one in lost if one not in bases], done.faults)
    done.faults += encoding_faults(router.catalogue)
    done.faults += personal_faults(router.catalogue, stores)
    done.faults += upcaster_faults(modules, router.catalogue)
    taken = [reader.name for reader in (*readers, *views) if hasattr(reader, "name")]  # what is no view has none
    done.publications, mistaken = read_publications(modules, router.catalogue, taken)
    done.faults += mistaken
    done.consumptions, mistaken = read_consumptions(modules, router.catalogue, done.publications, taken)
    done.faults += mistaken
    if (done.publications or done.consumptions) and role.works:
        done.broker = broker()
        unusable = broker_faults(done.broker, done.publications, done.consumptions)
        (done.brokerless if done.broker is None else done.faults).extend(unusable)
    live = [projection for projection in done.projections if projection.mode == "live"]
    classifier, tally = Classifier(errors), tally_of(watching.meter)
    done.reliability = reliability_of(
        said.policies,
        modules,
        handlers,
        done.faults,
        clock=said.clock,
        classifier=classifier,
        tally=tally,
        level=level_of(watching.meter),
        circuits=watching.circuits,
    )
    followed = waited_for(done.projections, views)
    done.caching = caching_of(
        handlers, router.catalogue, followed, done.faults, clock=said.clock, space=f"twofold:{said.name}"
    )
    providers = [
        own_provider(
            {**running.services(), Store: store},
            None if writing is None or either is None else lambda unit: either.SqlEntities(unit, writing),
        ),
        *([] if done.caching is None else [done.caching.provider()]),
        *([] if done.reliability is None else [done.reliability.provider()]),
        live_provider(live, MemoryTables if sql is None else sql.live_tables(sessions)),
        *([] if either is None else [either.sql_provider(writing, sessions)]),
        writer_provider(done.writers),
        *(provider for module in modules for provider in module.providers),
        overrides,
    ]
    done.authorization, mistaken = authorization_of(modules, handlers)
    done.faults += mistaken
    if said.guarded:
        word = 'says authorization="required"' if said.authorization_required else "runs in production"
        done.faults += done.authorization.unguarded(handlers, f"the application {word}")
    if said.production and not said.lent:
        done.faults += production_faults(stores, role, said.auditing, done.broker)
    guards = done.authorization.policies()
    done.injection, unmet = inject(providers, [*handlers, *guards])
    done.faults += [_without_sql(fault, stores, writing, sessions) for fault in unmet]
    done.faults += answer_faults(handlers)
    done.faults += entity_faults(handlers, either)
    done.faults += option_faults(handlers)
    done.faults += fallback_faults(handlers)
    done.faults += lifecycle_faults(handlers)
    done.faults += need_faults(handlers, done.injection, either)
    done.faults += policy_faults(guards, done.injection, either)
    done.faults += live_faults(handlers, done.injection, done.projections, sql)
    done.faults += shared_stream_faults(aggregates_of(handlers, done.injection))
    done.faults += aggregate_faults(handlers, done.injection, None if writing is None else either)
    done.faults += reads_faults(handlers, done.projections, views)
    done.faults += apart_faults(handlers, done.injection, done.projections, stores, either)
    done.idempotency = idempotency_of(handlers, said.idempotency, done.faults)
    if said.auditing is not None:
        done.refusals = Refusals(stores.write)
        done.faults += key_faults()
    settings = router.settings = pipeline_of(
        injection=done.injection,
        catalogue=router.catalogue,
        classifier=classifier,
        watching=watching,
        running=running,
        stores=stores,
        followed=followed,
        runner=None
        if either is None
        else either.session_runner(writing, sessions, stores.read, done.injection.reaches),
        reliability=done.reliability,
        authorization=done.authorization,
        caching=done.caching,
        idempotency=done.idempotency.get,
        refusals=done.refusals,
        behind=done.behind,
    )
    if done.reliability is not None:
        done.faults += done.reliability.keep_to_what_can_end(
            lambda one: one.is_async or one.blocking or settings.runner(one) is not None
        )
    stored = [projection for projection in done.projections if projection.mode != "live"]
    inline = [projection for projection in stored if projection.mode == "inline"]
    done.inline = inline_rows(inline)
    done.held = tuple(Move(one.name, INLINE, INLINE, version=one.version) for one in inline)
    done.state = tuple(table for module in modules for table in module.tables)
    done.read_models = (*(table for projection in stored for table in projection.tables), *views)
    done.faults += table_faults(modules, done.projections, either)
    done.faults += same_reaction_faults(handlers)
    done.faults += name_faults(done.projections, (*done.state, *done.read_models))
    if not done.faults:
        make = done.injection.services.get
        done.attempts = attempts_of(handlers, router.catalogue, _timeouts(done), said.interrupted_after)
        done.outside.extend(OutsideWriter(writer, stores.read, router.catalogue, make) for writer in done.writers)
        if sql is not None:
            bind(views, done.projections, sql)
            done.views = refreshers(
                views, done.projections, catalogue=router.catalogue, store=stores.read, sessions=sessions, sql=sql
            )
        reactions = [handler for handler in handlers if handler.kind is Kind.EVENT]
        local = [one for one in reactions if not one.following.durable]
        done.local = LocalReactions(local, router, tally) if local else None
        done.told = _telling(done.caching, done.local)
        done.reactions.extend(Reactor(one, router, running.new_unit) for one in reactions if one not in local)
        over = done.broker or MemoryBroker()  # which nothing is given to: who has no broker does not start to work
        done.reactions.extend(
            Relay(one, over, stores.write, router.catalogue.stored_as(one.kinds), said.name)
            for one in done.publications
        )
        done.inboxes.extend(
            Inbox(one, stores.write, router.catalogue, running.new_unit, said.clock) for one in done.consumptions
        )
        behind = (Projector(one, stores.read, router.catalogue) for one in stored if one.mode == "async")
        done.followers = [*behind, *done.outside, *(view for view in done.views if view.types)]
    return done


def _telling(caching: "Caching | None", local: LocalReactions | None) -> Told | None:
    """Who is told of every commit, from the start on."""
    if caching is None and local is None:
        return None

    def told(facts: Sequence[Fact], position: int) -> None:
        if caching is not None:
            caching.newest.note({fact.recorded.type for fact in facts}, position)
        if local is not None:
            local.take(facts)

    return told


def _timeouts(done: Assembly) -> Callable[[Handler], float | None]:
    reliability = done.reliability
    return lambda handler: None if reliability is None else reliability.timeout(handler)


def _same_modules(modules: Sequence[Module]) -> list[Fault]:
    names = Counter(module.name for module in modules)
    return [
        Fault(where=f"module {name}", code="duplicate_module", text="is mounted twice, or shares its name with another")
        for name, count in names.items()
        if count > 1
    ]


def _without_sql(fault: Fault, stores: Stores, writing: object | None, reading: object | None) -> Fault:
    """The same fault; when it is a session or a repository that is missing, with the reason why."""
    if "Repository, which nothing provides" in fault.text:
        return replace(fault, hint="Repository[X] is there for an X that derives from Aggregate or Entity")
    store, sessions = (stores.read, reading) if "ReadSession" in fault.text else (stores.write, writing)
    if sessions is not None or not any(name in fault.text for name in ("Session,", "Session ")):
        return fault
    return replace(fault, hint=f"{type(store).__qualname__} knows no SQL: use a database that does, a file for SQLite")


def _add_projections(module: Module, done: Assembly, session_of: SessionOf | None, sql: ModuleType | None) -> None:
    for declaration in module.projections:
        try:
            owned = None if sql is None else sql.owned_by(declaration.tables)
            projection = Projection.of(declaration, session_of, owned)
        except WiringError as error:
            done.faults += faults_of(f"projection {declaration.name}", error)
            continue
        if any(known.name == projection.name for known in done.projections):
            done.faults.append(
                Fault(
                    where=f"projection {projection.name}",
                    code="duplicate_projection",
                    text="is declared twice",
                    hint="rename one of them: a checkpoint is kept under the name",
                )
            )
        done.projections.append(projection)
