"""What the sender of a command expects of the one thing that it is about; a door reads it off `If-Match`, say."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Expected:
    """A version, one of several, or any as long as there is one.

    A command that comes with it is about one aggregate, or one stream of a decider. Unless that is as expected it
    does nothing, though it would have been done.

    Args:
        versions: The versions that are as expected, 0 for what must not be there; None for all but that.

    Example:
        >>> Expected.version(7).allows(8)
        False
    """

    versions: frozenset[int] | None

    @staticmethod
    def version(*versions: int) -> "Expected":
        """It is at this version, or at one of these."""
        return Expected(frozenset(versions))

    @staticmethod
    def present() -> "Expected":
        """It is there, at whatever version."""
        return Expected(None)

    @staticmethod
    def absent() -> "Expected":
        """It is not there."""
        return Expected(frozenset({0}))

    @property
    def exact(self) -> bool:
        """Whether there is one version alone that is as expected."""
        return self.versions is not None and len(self.versions) == 1

    def allows(self, version: int) -> bool:
        """Whether a version is as expected; 0 is that of what is not there."""
        return version > 0 if self.versions is None else version in self.versions
