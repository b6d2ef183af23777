"""Replaying commands of the past against a throw-away copy: what came of one then, and what comes of it now.

The command line does it, and code that debugs may. Nothing in here writes to a database of the application, and no
reaction, projection behind the log, broker, limit or cache is a part of what runs.
"""

from twofold.app.replay._changes import EventChange, FieldChange
from twofold.app.replay._command import NothingKept, NotRedacted, RedactedFields
from twofold.app.replay._past import AnsweredByKey, EventsGone, SentInside
from twofold.app.replay._replay import Replay, Replays, replaying
from twofold.app.replay._twin import EffectsRefused

__all__ = [
    "AnsweredByKey",
    "EffectsRefused",
    "EventChange",
    "EventsGone",
    "FieldChange",
    "NotRedacted",
    "NothingKept",
    "RedactedFields",
    "Replay",
    "Replays",
    "SentInside",
    "replaying",
]
