"""Built-in wrappers around every handler, one per file; each is a stage like any other, and can be replaced."""

from twofold.middleware._authorization import authorization_stage
from twofold.middleware._breaker import breaker_stage
from twofold.middleware._bulkhead import bulkhead_stage
from twofold.middleware._cache import CacheStage, cache_stage
from twofold.middleware._deprecation import deprecation_stage
from twofold.middleware._fallback import fallback_stage
from twofold.middleware._lines import Lines
from twofold.middleware._logging import logging_stage
from twofold.middleware._metrics import Meter, metrics_stage
from twofold.middleware._outcome import outcome_of
from twofold.middleware._printable import printable
from twofold.middleware._rate_limit import rate_limit_stage
from twofold.middleware._retry import Joined, conflicts_stage, retry_stage
from twofold.middleware._tally import (
    CountingMeter,
    Level,
    LevelMeter,
    Refusal,
    RefusalMeter,
    Tally,
    level_of,
    refusal_of,
    tally_of,
)
from twofold.middleware._timeout import Within, deadline_stage, timeout_stage
from twofold.middleware._tracing import BatchSpans, SendingSpans, Span, Spans, tracing_stage
from twofold.middleware._validation import validation_stage

__all__ = [
    "BatchSpans",
    "CacheStage",
    "CountingMeter",
    "Joined",
    "Level",
    "LevelMeter",
    "Lines",
    "Meter",
    "Refusal",
    "RefusalMeter",
    "SendingSpans",
    "Span",
    "Spans",
    "Tally",
    "Within",
    "authorization_stage",
    "breaker_stage",
    "bulkhead_stage",
    "cache_stage",
    "conflicts_stage",
    "deadline_stage",
    "deprecation_stage",
    "fallback_stage",
    "level_of",
    "logging_stage",
    "metrics_stage",
    "outcome_of",
    "printable",
    "rate_limit_stage",
    "refusal_of",
    "retry_stage",
    "tally_of",
    "timeout_stage",
    "tracing_stage",
    "validation_stage",
]
