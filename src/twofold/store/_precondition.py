"""What the sender of a command expects, compared with what the command turns out to be about.

The unit of work has one for a command that came with it. It goes by what repositories and deciders load or make anew,
and it never guesses: a command that is about several streams, or about none, is refused. It is proven last, as RFC 9110
(13.2.1) says: whoever would be refused anyway is told that, and learns nothing of versions.
"""

from typing import Final, final

from twofold.errors import NoSingleVersion, PreconditionFailed, VersionConflict
from twofold.messages import Expected


@final
class Precondition:
    """What must be so, and what was found.

    Args:
        expected: What the sender expects.
    """

    __slots__ = ("_expected", "_found")

    def __init__(self, expected: Expected) -> None:
        self._expected: Final = expected
        self._found: dict[str, int] = {}

    def found(self, stream: str, version: int) -> None:
        """Something that the command is about was found at a version; what is known already changes nothing."""
        self._found.setdefault(stream, version)

    def prove(self) -> None:
        """See to it that one thing was found, and as expected.

        Raises:
            PreconditionFailed: It is not as expected.
            NoSingleVersion: There are several, or none.
        """
        if len(self._found) != 1:
            raise NoSingleVersion(streams=self._found)
        ((stream, version),) = self._found.items()
        if not self._expected.allows(version):
            raise PreconditionFailed(stream=stream, actual=version)

    def broken_by(self, conflict: VersionConflict) -> PreconditionFailed | None:
        """What a conflict at the commit means: failed, where no other version than the one that was found would do."""
        if not self._expected.exact or conflict.stream not in self._found:
            return None
        return PreconditionFailed(stream=conflict.stream, actual=conflict.actual)
