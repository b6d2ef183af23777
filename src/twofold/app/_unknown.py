"""Events of names that an application does not know: who follows the log passes over them, so somebody is told."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, final

from twofold.messages import Catalogue
from twofold.store import Log, Recorded

_LOGGER: Final = logging.getLogger("twofold.log")
_RECENT: Final = 100_000
_PAGE: Final = 1000


@final
class Unknown:
    """Tells once of each name that comes into the log and that nobody here knows.

    Args:
        catalogue: The events that are known.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._knows = catalogue.upcasters.knows
        self._told: set[str] = set()

    def look(self, entries: Iterable[Recorded]) -> None:
        """Look at what is new in the log."""
        for entry in entries:
            if entry.type not in self._told and not self._knows(entry.type):
                self._told.add(entry.type)
                facts = {"event_type": entry.type, "position": entry.position, "stream": entry.stream}
                text = "event %s at position %d is not known here: whoever follows the log passes over all of its name"
                _LOGGER.warning(text, entry.type, entry.position, extra={"twofold": facts})


async def unknown_names(log: Log, catalogue: Catalogue) -> Mapping[str, int]:
    """The names that nobody knows among the newest hundred thousand positions of a log, and how often each is there."""
    head = await log.head()
    position, found = max(0, head - _RECENT), Counter[str]()
    while position < head:
        page = await log.read(position, until=head, limit=_PAGE)
        found.update(entry.type for entry in page if not catalogue.upcasters.knows(entry.type))
        position = page[-1].position if len(page) == _PAGE else head
    return found
