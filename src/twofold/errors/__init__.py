"""What can go wrong, sorted by what the caller should do about it.

Every room raises or returns these; none of them knows a transport. Retry, breaker, HTTP status and exit code
all key on a `Category` or its `Family`, never on a class name.
"""

from twofold.errors._category import (
    Category,
    Family,
    conflict,
    exists,
    forbidden,
    gone,
    invalid,
    not_found,
    rate_limited,
    refused,
    too_large,
    unauthenticated,
    unavailable,
)
from twofold.errors._classify import Classification, Classifier
from twofold.errors._conflict import (
    CheckpointMoved,
    ConditionFailed,
    Conflict,
    Interrupted,
    KeyConflict,
    KeyInFlight,
    VersionConflict,
)
from twofold.errors._corrupt import Corrupt, Undecodable, UnknownMessage
from twofold.errors._decided import Decided
from twofold.errors._error import TwofoldError
from twofold.errors._extra import open_module
from twofold.errors._refused import (
    Exists,
    Finding,
    Forbidden,
    HandlersFailed,
    Invalid,
    NotFound,
    Refused,
    StreamClosed,
    TooLarge,
    Unauthenticated,
)
from twofold.errors._snake_case import snake_case
from twofold.errors._told import as_code, code_of, detail_of, error_name
from twofold.errors._unavailable import (
    BulkheadFull,
    CircuitOpen,
    NewerVersion,
    NotYetVisible,
    OutcomeUnknown,
    RateLimited,
    StoreUnavailable,
    Superseded,
    TimedOut,
    Unavailable,
)
from twofold.errors._wiring import (
    DuplicateHandlerError,
    Fault,
    FaultError,
    HandlerNotFoundError,
    MissingExtraError,
    StartError,
    WiringError,
)

__all__ = [
    "as_code",
    "code_of",
    "detail_of",
    "error_name",
    "BulkheadFull",
    "Category",
    "CheckpointMoved",
    "CircuitOpen",
    "Classification",
    "Classifier",
    "ConditionFailed",
    "Conflict",
    "Corrupt",
    "Decided",
    "DuplicateHandlerError",
    "Exists",
    "Family",
    "Fault",
    "FaultError",
    "Finding",
    "Forbidden",
    "HandlerNotFoundError",
    "HandlersFailed",
    "Interrupted",
    "Invalid",
    "KeyConflict",
    "KeyInFlight",
    "MissingExtraError",
    "NotFound",
    "NewerVersion",
    "NotYetVisible",
    "OutcomeUnknown",
    "RateLimited",
    "Refused",
    "StartError",
    "StoreUnavailable",
    "StreamClosed",
    "Superseded",
    "TimedOut",
    "TooLarge",
    "TwofoldError",
    "Unauthenticated",
    "Unavailable",
    "Undecodable",
    "UnknownMessage",
    "VersionConflict",
    "WiringError",
    "conflict",
    "exists",
    "forbidden",
    "gone",
    "invalid",
    "not_found",
    "open_module",
    "rate_limited",
    "refused",
    "snake_case",
    "too_large",
    "unauthenticated",
    "unavailable",
]
