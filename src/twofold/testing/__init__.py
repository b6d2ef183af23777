"""What tests of applications and of adapters are made of; nothing that runs in production imports it."""

from twofold.testing._store_conformance import StoreConformance, StoreFeatures

__all__ = ["StoreConformance", "StoreFeatures"]
