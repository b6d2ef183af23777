"""What the parts of one subscription that handle events work with."""

from typing import NamedTuple

from twofold.messages import Catalogue
from twofold.store import Log, Store
from twofold.subscriptions._failures import Failures
from twofold.subscriptions._hold import Hold
from twofold.subscriptions._parking import Parking
from twofold.subscriptions._reach import Reach
from twofold.subscriptions._rest import Rest
from twofold.subscriptions._subscriber import Subscriber


class Work(NamedTuple):
    """The work of one subscription.

    Args:
        subscriber: What handles the events.
        store: The store that its checkpoint is in, and what it has parked.
        catalogue: What the events are decoded with.
        log: The log that they are in.
        reach: Told how far it has come.
        hold: Its checkpoint.
        parking: What it has parked.
        failures: What goes wrong.
        rest: Knows whether to stop.
    """

    subscriber: Subscriber
    store: Store
    catalogue: Catalogue
    log: Log
    reach: Reach
    hold: Hold
    parking: Parking
    failures: Failures
    rest: Rest
