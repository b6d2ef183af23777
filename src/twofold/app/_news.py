"""What an operator reads in the lines of a process about versions of projections and leases: one for each change."""

import logging
from collections.abc import Mapping
from typing import Final, final

from twofold.errors import Classifier, Family, line_of

_PROJECTION: Final = logging.getLogger("twofold.projection")
_LEASE: Final = logging.getLogger("twofold.lease")
_AWAY: Final = "what is away"


@final
class News:
    """What changes for the versions of projections, as one process sees it.

    Args:
        classifier: Tells what is away.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._live: dict[str, int] = {}
        self._statuses: dict[str, str] = {}
        self._failed = ""

    def live(self, name: str, version: int) -> None:
        """A version of a projection is live; it is told when another one was."""
        before, self._live[name] = self._live.get(name, 0), version
        if before not in (0, version):
            how = "has taken the place of" if version > before else "is live again, instead of"
            _line(name, f"version {version} {how} version {before}", version=version)

    def took(self, name: str, version: int) -> None:
        """This process has let what it built take the place."""
        if self._live.get(name) == version:
            _line(name, f"version {version} was built anew and has taken the place", version=version)
        self.live(name, version)

    def statuses(self, statuses: Mapping[str, str]) -> None:
        """What this process does, other than to follow, for what has these names: told when it is something else."""
        for name, text in statuses.items():
            if self._statuses.get(name) != text:
                _line(name, text)
        self._statuses = dict(statuses)

    def failed(self, error: Exception) -> None:
        """A version cannot be built or take the place: told once for each reason, until all is well.

        What is away is one reason, whatever it says of itself, and no bug: its traceback is at DEBUG.
        """
        facts = {"twofold": {"error": type(error).__qualname__}}
        category = self._classifier.of_exception(error)
        if category is not None and category.family is Family.UNAVAILABLE:
            if self._failed != _AWAY:
                self._failed = _AWAY
                _PROJECTION.warning("versions of projections wait for %s: %s", _AWAY, line_of(error), extra=facts)
            _PROJECTION.debug("because of this", exc_info=error, extra=facts)
        elif self._failed != repr(error):
            self._failed = repr(error)
            text = "a version of a projection cannot be built or take the place, which is tried again and again"
            _PROJECTION.error("%s: %s", text, error, exc_info=error, extra=facts)

    def sound(self) -> None:
        """All that there was to do for versions was done."""
        self._failed = ""


def lease_in_danger(error: Exception) -> None:
    """A process cannot show that it lives: told once, until it can again; the traceback is at DEBUG."""
    text = "cannot show that this process lives; unless it can again, another one takes over what it follows: %s"
    facts = {"twofold": {"error": type(error).__qualname__}}
    _LEASE.warning(text, line_of(error), extra=facts)
    _LEASE.debug("because of this", exc_info=error, extra=facts)


def taken_over(name: str, owner: str) -> None:
    """This process goes on with what one that shows no sign of life has followed."""
    text = "subscription %s is taken over from %s, which shows no sign of life"
    _LEASE.warning(text, name, owner, extra={"twofold": {"subscription": name, "owner": owner}})


def _line(name: str, text: str, **facts: object) -> None:
    _PROJECTION.info("projection %s: %s", name, text, extra={"twofold": {"projection": name, **facts}})
