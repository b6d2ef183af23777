"""The store in PostgreSQL, for services of many processes; needs the extra `postgres`."""

from twofold.errors import Extra

with Extra("postgres", room=__name__):
    from twofold.drivers.postgres._address import store_at
    from twofold.drivers.postgres._store import PostgresStore

__all__ = ["PostgresStore", "store_at"]
