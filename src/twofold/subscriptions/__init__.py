"""Following the log: one background loop for projections, reactions and everything else that comes after a commit."""

from twofold.subscriptions._follow import Observer, Subscription
from twofold.subscriptions._subscriber import Subscriber, decode

__all__ = ["Observer", "Subscriber", "Subscription", "decode"]
