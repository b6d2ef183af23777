"""What the demo asks an example: a `scenario.py` with `async def drive(client) -> Checks`.

The client speaks to a running server with a fresh database. A scenario sends a few commands and queries as a user
would, and notes what it saw; it never looks into the database, and never raises for an answer that is merely wrong.
"""

from dataclasses import dataclass, field
from typing import Protocol

import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that a scenario looked at."""

    system: str
    """Which of S1-S5 it shows."""
    what: str
    """What should be so, as a statement: `a taken e-mail answers 409`."""
    passed: bool
    detail: str = ""
    """What was seen instead, when it failed."""


@dataclass(slots=True)
class Checks:
    """What a scenario saw, in order.

    Example:
        >>> checks = Checks()
        >>> checks.equal("S1", "a taken e-mail answers 409", 409, 409)
        >>> checks.passed("S1")
        True
    """

    seen: list[Check] = field(default_factory=list[Check])

    def that(self, system: str, what: str, passed: bool, detail: object = "") -> None:
        """Note whether a statement holds."""
        self.seen.append(Check(system=system, what=what, passed=passed, detail="" if passed else str(detail)))

    def equal(self, system: str, what: str, actual: object, expected: object) -> None:
        """Note whether something is as it should be."""
        self.that(system, what, actual == expected, f"expected {expected!r}, saw {actual!r}")

    def of(self, system: str) -> list[Check]:
        """What was seen of one system."""
        return [check for check in self.seen if check.system == system]

    def passed(self, system: str) -> bool:
        """Whether all that was seen of a system is as it should be; nothing seen is not passed."""
        seen = self.of(system)
        return bool(seen) and all(check.passed for check in seen)


class Scenario(Protocol):
    """A module `examples.NAME.scenario`."""

    async def drive(self, client: httpx.AsyncClient) -> Checks:
        """Drive a running server, and say what was seen.

        Args:
            client: Speaks to the server; its base URL is the server's root.
        """
        ...
