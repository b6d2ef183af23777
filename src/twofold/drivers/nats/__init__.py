"""The broker over NATS JetStream; needs the extra `nats`."""

from twofold.errors import Extra

with Extra("nats", room=__name__):
    from twofold.drivers.nats._broker import NatsBroker

__all__ = ["NatsBroker"]
