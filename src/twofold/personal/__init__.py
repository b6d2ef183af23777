"""Personal data: encrypted with a key for each subject wherever it is kept, so that destroying the key erases it."""

from twofold.errors import Extra

with Extra("personal", room=__name__):
    from twofold.personal._documents import keys_of
    from twofold.personal._keys import Key, KeyStore, KeyUnknown, ProvableKeyStore, SubjectGone
    from twofold.personal._master import MasterKeyMissing, MasterKeys
    from twofold.personal._memory import MemoryKeyStore
    from twofold.personal._store import PersonalStore
    from twofold.personal._vault import LIFE, Vault

__all__ = [
    "LIFE",
    "Key",
    "KeyStore",
    "KeyUnknown",
    "MasterKeyMissing",
    "MasterKeys",
    "MemoryKeyStore",
    "PersonalStore",
    "ProvableKeyStore",
    "SubjectGone",
    "Vault",
    "keys_of",
]
