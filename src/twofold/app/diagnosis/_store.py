"""What can be seen in the databases of an application, beside those who use them; nothing is changed there."""

from collections import Counter
from collections.abc import AsyncIterator

from twofold.app._app import App
from twofold.app._personal import prove_keys
from twofold.app._standing import ProjectionStatus, Version
from twofold.app._unknown import unknown_names
from twofold.app.diagnosis._code import look_at
from twofold.app.diagnosis._diagnosis import Diagnosis, warning
from twofold.errors import StoreUnavailable, Unavailable, WiringError
from twofold.store import MigratableStore, Store, foundation

_MUCH = 1000
"""How many positions a projection may be behind that somebody works on."""


async def examine(app: App) -> list[Diagnosis]:
    """Look at an application and at its databases; another process may be running it.

    Into databases it is looked only where their tables are up to date, and at what the application has left there only
    when that has no fault: until then nobody can say what is not as it should be.

    Args:
        app: The application; it does not run in this process.

    Returns:
        Everything that there is to say, faults first.
    """
    found = look_at(app)
    sound = not any(one.severity == "fault" for one in found)
    found += [one async for one in _databases(app, sound=sound)]
    return sorted(found, key=lambda one: one.severity != "fault")


async def _databases(app: App, *, sound: bool) -> AsyncIterator[Diagnosis]:
    stores = app.stores
    names = ("the database", "the read database")
    standing = [await _schema(name, store) for name, store in zip(names, stores.opened, strict=False)]
    for one in filter(None, standing):
        yield one
    if any(standing) or not all([await _has_tables(store) for store in stores.opened]):
        return
    try:
        await stores.start()
    except (Unavailable, WiringError) as error:
        yield Diagnosis.of_error(names[0], error)
        return
    try:
        try:
            await prove_keys(stores)
        except Unavailable as error:
            yield Diagnosis.of_error("the key database", error)
            return
        if not sound:
            return
        try:
            await stores.prove_followed(app.assembly.filling)
        except WiringError as error:
            yield Diagnosis.of_error("the read database", error)
            return
        statuses = await app.projections.all()
        for status in statuses:
            for one in _projection(status):
                yield one
        for view in dict.fromkeys(view for status in statuses for view in status.late_views):
            text, hint = "has yet to be refreshed with what is there", "when it stays so, see the log of the workers"
            yield warning(f"view {view}", "view_late", text, hint)
        async for one in _parked(app):
            yield one
        for name, count in (await unknown_names(stores.write.log, app.router.catalogue)).items():
            text = f"is in the log {count} {'time' if count == 1 else 'times'}, and nobody knows it: it is passed over"
            hint = "give it a class, an upcaster or a `skip`; `twofold schema check --from-log` reads the whole log"
            yield warning(f"event {name}", "unknown_event", text, hint)
    finally:
        await stores.stop()


async def _schema(name: str, store: Store) -> Diagnosis | None:
    """What is to be said of the tables of a store; nothing of a database that has none yet."""
    bare = foundation(store)
    if not isinstance(bare, MigratableStore):
        return None
    try:
        state = await bare.schema()
        state.refuse_newer()
    except (StoreUnavailable, WiringError) as error:
        return Diagnosis.of_error(name, error)
    if not state.taken or not state.behind:
        return None
    text = f"has schema {state.taken} of {state.known}"
    if bare.migrates:
        return warning(name, "schema_behind", text, "the next process that writes upgrades it, or `twofold db upgrade`")
    hint = "run `twofold db upgrade`: with migrate=False the application does not start before"
    return Diagnosis(severity="fault", where=name, code="schema_behind", text=text, hint=hint)


async def _has_tables(store: Store) -> bool:
    bare = foundation(store)
    return isinstance(bare, MigratableStore) and (await bare.schema()).taken > 0


def _projection(status: ProjectionStatus) -> list[Diagnosis]:
    where, found = f"projection {status.name}", list[Diagnosis]()
    if status.live is None:
        return [warning(where, "not_started", "has never run on this database", "start a worker")]
    if status.declared > status.live.version and status.mode != "live":
        text = f"has version {status.live.version} live, and version {status.declared} is declared"
        hint = "`twofold projections rebuild` builds it before processes are replaced; a worker builds it, too"
        found.append(warning(where, "version_not_built", text, hint))
    if (behind := _behind(status.live)) is not None:
        found.append(warning(where, "behind", *behind))
    return found


def _behind(live: Version) -> tuple[str, str] | None:
    if live.forsaken:
        return f"is behind by {live.lag} of the log, and nobody follows", "start a worker: `twofold run --role worker`"
    if live.lag > _MUCH:
        return f"is behind by {live.lag} of the log", "see its worker's log and `twofold projections status`"
    return None


async def _parked(app: App) -> AsyncIterator[Diagnosis]:
    streams = Counter(one.first.subscription for one in await app.parked.streams())
    for name, count in streams.items():
        text = f"has put events of {count} {'stream' if count == 1 else 'streams'} aside"
        yield warning(name, "parked", text, f"`twofold parked list --subscription {name}` shows them")
