"""What tests of applications and of adapters are made of; nothing that runs in production imports it."""

from twofold.testing._broker_conformance import BrokerConformance, BrokerFeatures
from twofold.testing._clock import VirtualClock
from twofold.testing._faults import Fault
from twofold.testing._fresh import fresh, settle
from twofold.testing._given import given
from twofold.testing._store_conformance import StoreConformance, StoreFeatures
from twofold.testing._uncovered import Gap, uncovered

__all__ = [
    "BrokerConformance",
    "BrokerFeatures",
    "Fault",
    "Gap",
    "StoreConformance",
    "StoreFeatures",
    "VirtualClock",
    "fresh",
    "given",
    "settle",
    "uncovered",
]
