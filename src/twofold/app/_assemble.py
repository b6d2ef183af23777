"""Putting an application together: read the modules, fill the table, build the container, and collect every fault.

One pass in the order of `assemble`; after the start nothing in here runs.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from dishka import Provider

from twofold.app._aggregates import aggregate_faults, aggregates_of, shared_stream_faults
from twofold.app._answers import answer_faults
from twofold.app._apart import apart_faults
from twofold.app._assembly import Assembly
from twofold.app._auditing import key_faults
from twofold.app._authorization import authorization_of
from twofold.app._broker import broker_faults, carried_events, read_consumptions, read_publications
from twofold.app._deciders import read_deciders
from twofold.app._decisions import read_decisions
from twofold.app._encodable import encoding_faults
from twofold.app._entities import entity_faults
from twofold.app._environment import misspelt_variables
from twofold.app._fallbacks import fallback_faults
from twofold.app._followers import add_followers, add_reactions
from twofold.app._handlers import add_messages, missing_handler_faults, read_handlers, same_reaction_faults, unhandled
from twofold.app._idempotency import idempotency_of
from twofold.app._lifecycle import attempts_of, lifecycle_events, lifecycle_faults
from twofold.app._live import live_faults
from twofold.app._mistake import faults_of
from twofold.app._needs import need_faults, policy_faults
from twofold.app._not_live import not_live_stage
from twofold.app._options import option_faults
from twofold.app._outside import read_writers, writer_provider
from twofold.app._own_writes import reads_faults, waited_for
from twofold.app._personal import personal_faults
from twofold.app._production import production_faults
from twofold.app._providers import own_provider
from twofold.app._role import Role
from twofold.app._said import Running, Said, Watching
from twofold.app._scan import messages_near, messages_of, python_modules
from twofold.app._sql import Sql
from twofold.app._stages import caching_of, pipeline_of, reliability_of
from twofold.app._stores import Stores
from twofold.app._tables import table_faults
from twofold.app._taken import add_taken
from twofold.app._upcasting import upcaster_faults
from twofold.app._views import view_faults, views_of
from twofold.dispatch import Handler, Module, Router, inject
from twofold.errors import Classification, Classifier, Fault, WiringError
from twofold.messages import Event, Kind
from twofold.messaging import Broker
from twofold.middleware import level_of, tally_of
from twofold.projections import Projection, Writer, inline_rows, live_provider, name_faults
from twofold.store import INLINE, Move, Refusals, Store, TenantStore


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
    sql = Sql.of(stores)
    store = TenantStore(stores.write) if said.tenants_apart else stores.write
    done = Assembly(
        store=store, faults=[*refused, *misspelt_variables(), *_same_modules(modules)], spans=watching.spans
    )
    near, views = messages_near(modules), views_of(modules)
    _read_events(modules, near, views, router, sql, done)
    deciding, meant = read_deciders(modules, near, done.faults)
    handlers, unread = read_handlers(modules, deciding, router, done.faults)
    forgotten = unhandled(near, handlers, meant.union(*map(messages_of, unread)))
    done.faults += missing_handler_faults(forgotten)
    _read_lost([*forgotten, *sorted(meant, key=repr)], router, done)
    add_taken(router.catalogue, python_modules(modules))
    done.faults += encoding_faults(router.catalogue)
    done.faults += personal_faults(router.catalogue, stores)
    done.faults += upcaster_faults(modules, router.catalogue)
    _read_traffic(modules, views, router, broker if role.works else None, done)
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
    done.authorization, mistaken = authorization_of(modules, handlers)
    done.faults += mistaken
    if said.guarded:
        word = 'says authorization="required"' if said.authorization_required else "runs in production"
        done.faults += done.authorization.unguarded(handlers, f"the application {word}")
    if said.production and not said.lent:
        done.faults += production_faults(stores, role, said.auditing, done.broker)
    guards = done.authorization.policies()
    done.injection, unmet = inject(_providers(modules, running, overrides, sql, done), [*handlers, *guards])
    done.faults += [sql.explained(fault, stores) for fault in unmet]
    done.faults += _handler_faults(modules, handlers, guards, views, stores, sql, done)
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
        runner=sql.runner(stores.read, done.injection.reaches),
        reliability=done.reliability,
        authorization=done.authorization,
        caching=done.caching,
        idempotency=done.idempotency.get,
        refusals=done.refusals,
        behind=done.behind,
        not_live=not_live_stage(done.projections, stores.read, sql, done.injection.reaches),
    )
    if done.reliability is not None:
        done.faults += done.reliability.keep_to_what_can_end(
            lambda one: one.is_async or one.blocking or settings.runner(one) is not None
        )
    _read_tables(modules, views, done)
    done.faults += table_faults(modules, done.projections, sql.room)
    done.faults += same_reaction_faults(handlers)
    done.faults += name_faults(done.projections, (*done.state, *done.read_models))
    if not done.faults:
        done.attempts = attempts_of(handlers, router.catalogue, _timeouts(done), said.interrupted_after)
        add_followers(views, router.catalogue, stores, sql, done)
        add_reactions(handlers, router, stores, said, running, tally, done)
    return done


def _read_events(
    modules: Sequence[Module], near: Iterable[type], views: Sequence[Any], router: Router, sql: Sql, done: Assembly
) -> None:
    """Read the projections and writers, and enter every event that there is."""
    for module in modules:
        _add_projections(module, done, sql)
    known = [event for module in modules for event in module.messages]
    known += lifecycle_events(modules)
    known += read_decisions(modules, done.faults)
    known += [event for view in views for event in getattr(view, "refresh_on", ())]
    known += carried_events(modules)
    done.writers, unusable = read_writers(modules, [projection.name for projection in done.projections])
    done.faults += unusable
    done.faults += view_faults(views, done.projections, [reader.name for reader in _readers(done)], sql.reads)
    known += [event for reader in _readers(done) for event in reader.events]
    known += [cls for cls in near if issubclass(cls, Event)]
    add_messages(router.catalogue, known, done.faults, Kind.EVENT)


def _read_lost(lost: Sequence[type], router: Router, done: Assembly) -> None:
    """Enter messages that nobody handles, for what is wrong with them is wrong all the same."""
    bases = {base for one in lost for base in one.__mro__[1:]}  # which need not be messages themselves
    add_messages(router.catalogue, [one for one in lost if one not in bases], done.faults)


def _add_projections(module: Module, done: Assembly, sql: Sql) -> None:
    for declaration in module.projections:
        try:
            owned = None if sql.room is None else sql.room.owned_by(declaration.tables)
            projection = Projection.of(declaration, sql.session_of, owned)
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


def _readers(done: Assembly) -> list[Projection | Writer]:
    return [*done.projections, *done.writers]


def _read_traffic(
    modules: Sequence[Module],
    views: Sequence[Any],
    router: Router,
    broker: Callable[[], Broker | None] | None,
    done: Assembly,
) -> None:
    """Read what leaves the service and what comes from others; without a broker in a process that carries nothing."""
    taken = [reader.name for reader in (*_readers(done), *views) if hasattr(reader, "name")]  # what is no view has none
    done.publications, mistaken = read_publications(modules, router.catalogue, taken)
    done.faults += mistaken
    done.consumptions, mistaken = read_consumptions(modules, router.catalogue, done.publications, taken)
    done.faults += mistaken
    if (done.publications or done.consumptions) and broker is not None:
        done.broker = broker()
        unusable = broker_faults(done.broker, done.publications, done.consumptions)
        (done.brokerless if done.broker is None else done.faults).extend(unusable)


def _providers(
    modules: Sequence[Module], running: Running, overrides: Provider, sql: Sql, done: Assembly
) -> list[Provider]:
    """What handlers may ask for; later ones win."""
    live = [projection for projection in done.projections if projection.mode == "live"]
    return [
        own_provider({**running.services(), Store: done.store}, sql.rows_of),
        *(part.provider() for part in (done.caching, done.reliability) if part is not None),
        live_provider(live, sql.tables),
        *sql.providers,
        writer_provider(done.writers),
        *(provider for module in modules for provider in module.providers),
        overrides,
    ]


def _handler_faults(
    modules: Sequence[Module],
    handlers: Sequence[Handler],
    guards: Sequence[Handler],
    views: Sequence[Any],
    stores: Stores,
    sql: Sql,
    done: Assembly,
) -> Iterator[Fault]:
    """What is wrong with handlers and policies, by what they say, answer and depend on."""
    yield from answer_faults(handlers)
    yield from entity_faults(handlers, sql.room)
    yield from option_faults(handlers)
    yield from fallback_faults(handlers)
    yield from lifecycle_faults(handlers)
    yield from need_faults(handlers, done.injection, sql.room)
    yield from policy_faults(guards, done.injection, sql.room)
    yield from live_faults(handlers, done.injection, done.projections, sql.reads)
    yield from shared_stream_faults(aggregates_of(handlers, done.injection))
    yield from aggregate_faults(handlers, done.injection, sql.writes)
    declared = [one.name for module in modules for one in module.projections]
    yield from reads_faults(handlers, declared, views)
    yield from apart_faults(handlers, done.injection, done.projections, stores, sql.room)


def _read_tables(modules: Sequence[Module], views: Sequence[Any], done: Assembly) -> None:
    """Tell which tables there are, and which of them change with each unit of work."""
    inline = [projection for projection in done.projections if projection.mode == "inline"]
    done.inline = inline_rows(inline)
    done.held = tuple(Move(one.name, INLINE, INLINE, version=one.version) for one in inline)
    done.state = tuple(table for module in modules for table in module.tables)
    stored = [projection for projection in done.projections if projection.mode != "live"]
    done.read_models = (*(table for projection in stored for table in projection.tables), *views)


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
