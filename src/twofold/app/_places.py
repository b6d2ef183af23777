"""Where an application is told to keep what it has, before anything is opened there."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self, final

from twofold.app._broker import broker_elsewhere, broker_of
from twofold.app._personal import guarded, key_store_of, keys_elsewhere
from twofold.app._role import Role
from twofold.app._stores import Stores, stores_of
from twofold.clock import Clock
from twofold.messages import Catalogue
from twofold.messaging import Broker
from twofold.store import Store

if TYPE_CHECKING:
    from twofold.personal import KeyStore


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The databases of an application; `App` tells what each of them means.

    Args:
        database: Where its log is, and everything else.
        read_database: Where its read models are, when that is another one.
        key_database: Where the keys of personal data are.
        migrate: Whether its stores upgrade their own tables when they start.
        said_broker: Over what events leave it.
    """

    database: "str | Path | Store | None"
    read_database: "str | Path | Store | None"
    key_database: "str | Path | KeyStore | None"
    migrate: bool
    said_broker: "str | Broker | None" = None

    def stores(self, name: str, role: Role, catalogue: Catalogue, clock: Clock) -> Stores:
        """The stores in these places, with personal data encrypted where there are keys.

        Args:
            name: The name of the application.
            role: What this process does.
            catalogue: Its messages.
            clock: Where it gets the time.

        Raises:
            WiringError: No driver knows an address, or it is not one for what is kept there.
            MissingExtraError: A driver is not installed.
        """
        stores = stores_of(self.database, self.read_database, name=name, role=role, migrate=self.migrate)
        keys = key_store_of(self.key_database, (self.database, self.read_database))
        return guarded(stores, keys, catalogue, clock)

    def broker(self) -> Broker | None:
        """The broker; None without one.

        Raises:
            WiringError: No driver knows its address.
            MissingExtraError: The driver is not installed.
        """
        return broker_of(self.said_broker)

    def on(self, store: Store) -> Self:
        """The same with everything on one store, and what is forgotten in the place of keys and broker."""
        keys = keys_elsewhere(self.key_database)
        return replace(
            self, database=store, read_database=store, key_database=keys, said_broker=broker_elsewhere(self.said_broker)
        )
