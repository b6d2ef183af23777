"""The SQL half of the driver, for those who have SQLAlchemy; opened only when a session is asked for."""

from twofold.drivers.postgres._sessions import PostgresSessions

__all__ = ["PostgresSessions"]
