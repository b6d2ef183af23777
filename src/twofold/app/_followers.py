"""What of a sound application follows its log and its commits: made at the start, for workers and units of work."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twofold.app._assembly import Assembly
from twofold.app._local import LocalReactions
from twofold.app._reactor import Reactor
from twofold.app._said import Running, Said
from twofold.app._sql import Sql
from twofold.app._stores import Stores
from twofold.app._views import bind, refreshers
from twofold.dispatch import Handler, Router
from twofold.messages import Catalogue, Kind
from twofold.messaging import Inbox, MemoryBroker, Relay
from twofold.middleware import Tally
from twofold.projections import OutsideWriter, Projector
from twofold.store import Fact, Told

if TYPE_CHECKING:
    from twofold.app._caching import Caching


def add_followers(views: Sequence[Any], catalogue: Catalogue, stores: Stores, sql: Sql, done: Assembly) -> None:
    """Make what follows the log for readers.

    Args:
        views: The materialized views.
        catalogue: The messages.
        stores: Where the application keeps what it has.
        sql: What it knows of SQL.
        done: The application, as far as it is put together.
    """
    make = done.injection.services.get
    done.outside.extend(OutsideWriter(writer, stores.read, catalogue, make) for writer in done.writers)
    if sql.reads is not None:
        bind(views, done.projections, sql.reads)
        done.views = refreshers(
            views, done.projections, catalogue=catalogue, store=stores.read, sessions=sql.reading, sql=sql.reads
        )
    behind = (Projector(one, stores.read, catalogue) for one in done.projections if one.mode == "async")
    done.followers = [*behind, *done.outside, *(view for view in done.views if view.types)]


def add_reactions(
    handlers: Sequence[Handler],
    router: Router,
    stores: Stores,
    said: Said,
    running: Running,
    tally: Tally,
    done: Assembly,
) -> None:
    """Make what follows commits and writes: reactions of both kinds, relays, and inboxes.

    Args:
        handlers: All handlers.
        router: The table that they are in.
        stores: Where the application keeps what it has.
        said: Its settings.
        running: What its parts ask of it while it runs.
        tally: Counts what local reactions do.
        done: The application, as far as it is put together.
    """
    reactions = [handler for handler in handlers if handler.kind is Kind.EVENT]
    local = [one for one in reactions if not one.following.durable]
    done.local = LocalReactions(local, router, tally) if local else None
    done.told = _telling(done.caching, done.local)
    done.reactions.extend(Reactor(one, router, running.new_unit) for one in reactions if one not in local)
    over = done.broker or MemoryBroker()  # which nothing is given to: who has no broker does not start to work
    done.reactions.extend(
        Relay(one, over, stores.write, router.catalogue.stored_as(one.kinds), said.name) for one in done.publications
    )
    done.inboxes.extend(
        Inbox(one, stores.write, router.catalogue, running.new_unit, said.clock) for one in done.consumptions
    )


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
