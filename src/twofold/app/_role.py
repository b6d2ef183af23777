"""What one process does of an application that several processes serve, on one database."""

from enum import StrEnum

from twofold.messages import Kind


class Role(StrEnum):
    """Which part of an application a process is.

    Whoever works prepares the database: creates missing tables, and brings projections into their modes. The others
    refuse to start on a database that is not prepared; commands need none but the one that they write to.
    """

    ALL = "all"
    """Everything in one process."""
    API_COMMANDS = "api-commands"
    """Takes commands, and runs no projections and no reactions."""
    API_QUERIES = "api-queries"
    """Answers queries, and cannot write."""
    WORKER = "worker"
    """Runs projections, reactions and relays, and takes no messages from outside."""

    @property
    def works(self) -> bool:
        """Whether it runs what follows the log."""
        return self in (Role.ALL, Role.WORKER)

    @property
    def writes(self) -> bool:
        """Whether it may write."""
        return self is not Role.API_QUERIES

    @property
    def reads(self) -> bool:
        """Whether what it does needs the read models."""
        return self is not Role.API_COMMANDS

    def serves(self, kind: Kind) -> bool:
        """Whether it takes messages of a kind from outside."""
        return kind in _SERVED[self]

    @classmethod
    def serving(cls, kind: Kind) -> "Role":
        """The role that takes messages of a kind, and of no other."""
        return next(role for role, kinds in _SERVED.items() if kinds == {kind})


_SERVED = {
    Role.ALL: {Kind.COMMAND, Kind.QUERY},
    Role.API_COMMANDS: {Kind.COMMAND},
    Role.API_QUERIES: {Kind.QUERY},
    Role.WORKER: set[Kind](),
}
