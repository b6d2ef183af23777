"""Following the log: one background loop for projections, reactions and everything else that comes after a commit."""

from twofold.subscriptions._cut import Cut
from twofold.subscriptions._failures import Failures
from twofold.subscriptions._follow import IDLE, Subscription
from twofold.subscriptions._in_time import in_time
from twofold.subscriptions._logged import log_failure
from twofold.subscriptions._loop import Loop, Pause
from twofold.subscriptions._lot import NotParked, ParkedEvent, ParkedStream, ParkingLot
from twofold.subscriptions._owner import Owner
from twofold.subscriptions._parking import Parking
from twofold.subscriptions._replaced import LogReplaced
from twofold.subscriptions._rest import Rest
from twofold.subscriptions._subscriber import Source, Subscriber
from twofold.subscriptions._tail import Tail
from twofold.subscriptions._tenure import Tenure
from twofold.subscriptions._trouble import Observer, Trouble
from twofold.subscriptions._unhandled import EventNotHandled
from twofold.subscriptions._watch import Watch

__all__ = [
    "IDLE",
    "Cut",
    "EventNotHandled",
    "Failures",
    "LogReplaced",
    "Loop",
    "NotParked",
    "Observer",
    "Owner",
    "ParkedEvent",
    "ParkedStream",
    "Parking",
    "ParkingLot",
    "Pause",
    "Rest",
    "Source",
    "Subscriber",
    "Subscription",
    "Tail",
    "Tenure",
    "Trouble",
    "Watch",
    "in_time",
    "log_failure",
]
