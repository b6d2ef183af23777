"""What stands in the pipeline for a message that could not be made of what a door was given.

Whoever sends nonsense is counted, limited, asked who they are and written into the audit trail like everybody else;
only what needs the message itself is left out.
"""

from typing import Any, NamedTuple

from twofold.messages import Context
from twofold.result import Failure, Result


class Unmade(NamedTuple):
    """Stands for a message that there is none of.

    Args:
        error: Why it could not be made, which is what it ends with unless it is refused before.
    """

    error: Exception


async def refuse_unmade(message: Any, context: Context) -> Result[Any, Any]:
    """What stands in the place of the handler."""
    return Failure(message.error)
