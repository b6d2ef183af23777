"""Built-in wrappers around every handler, one per file; each is a stage like any other, and can be replaced."""

from twofold.middleware._fallback import fallback_stage
from twofold.middleware._logging import logging_stage
from twofold.middleware._metrics import Meter, metrics_stage
from twofold.middleware._outcome import outcome_of
from twofold.middleware._printable import printable
from twofold.middleware._tally import CountingMeter, Tally, tally_of
from twofold.middleware._validation import validation_stage

__all__ = [
    "CountingMeter",
    "Meter",
    "Tally",
    "fallback_stage",
    "logging_stage",
    "metrics_stage",
    "outcome_of",
    "printable",
    "tally_of",
    "validation_stage",
]
