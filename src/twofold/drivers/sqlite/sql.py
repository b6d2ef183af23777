"""The SQL half of the driver, for those who have SQLAlchemy; opened only when a session is asked for."""

from twofold.drivers.sqlite._sessions import SqliteSessions

__all__ = ["SqliteSessions"]
