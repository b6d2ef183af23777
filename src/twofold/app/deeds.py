"""What people do to an application past its messages, told in its audit trail: who did what, and how it ended.

The command line wraps what it changes in it, with the stores open. Nothing in here asks or decides anything.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from pydantic_core import to_json

from twofold.app._app import App
from twofold.errors import Classifier, TwofoldError
from twofold.messages import Origin
from twofold.store import CRASHED, SUCCESS, About, Batch, Record, ended_as

__all__ = ["told"]

_Facts: TypeAlias = dict[str, object]


@asynccontextmanager
async def told(app: App, deed: str, *, user_id: str | None, of: Mapping[str, object]) -> AsyncGenerator[_Facts]:
    """Do something in a block, and leave an entry of it in the audit trail once it has ended, however it has.

    What a process that dies was doing is not told.

    Args:
        app: The application; its stores are open.
        deed: What is done, as in `parked_retry`.
        user_id: Who does it.
        of: What it is done to. What is known in the end alone is added inside.

    Raises:
        StoreUnavailable: It is done, and could not be told.
    """
    about, facts = About(f"twofold.{deed}", 1, _as_text), {**of}
    record = Record(about, facts, app.router.context(Origin(user_id=user_id)))
    try:
        yield facts
    except BaseException as error:
        record.end(*_ended(app, error))
        try:
            await app.store.commit(Batch(audit=(record.entry(),)))
        except Exception as untold:  # noqa: BLE001  # what it was about is told first
            error.add_note(f"the audit trail does not tell of it: {untold}")
        raise
    record.end(SUCCESS)
    await app.store.commit(Batch(audit=(record.entry(),)))


def _as_text(facts: Any) -> str:
    return to_json(facts).decode()


def _ended(app: App, error: BaseException) -> tuple[str, str]:
    if isinstance(error, TwofoldError):
        return ended_as(error, Classifier(app.errors))
    return ("cancelled", "") if isinstance(error, asyncio.CancelledError) else (CRASHED, type(error).__qualname__)
