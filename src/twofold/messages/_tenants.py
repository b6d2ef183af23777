"""What a message may see of tenants: what is its own, or, where a handler says so, what is anybody's."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from twofold.messages._context import Context, current_context


@contextmanager
def every_tenant() -> Generator[None]:
    """Let the message that is being handled see the rows and streams of all tenants, for a block: administration.

    It may change their rows too; events go to streams of its own tenant all the same. Messages that are sent inside
    have their own tenant again. Who may send a message that does this is for its policy to say.

    Example:
        >>> @billing.handler(authorize=is_operator)
        ... async def count(query: CountInvoices, session: ReadSession) -> int:
        ...     with every_tenant():
        ...         return await session.scalar(select(func.count()).select_from(Invoice))
    """
    token = _opened.set(current_context())
    try:
        yield
    finally:
        _opened.reset(token)


def sees_every_tenant() -> bool:
    """Whether what is read and written is that of all tenants here; so it is outside of messages."""
    context = current_context()
    return context is None or _opened.get() is context


_opened: ContextVar[Context | None] = ContextVar("twofold_every_tenant", default=None)
