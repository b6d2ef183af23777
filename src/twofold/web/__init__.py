"""An application over HTTP: as a FastAPI application of its own, or mounted in one of yours."""

from twofold.errors import Extra

with Extra("web", room=__name__):
    from twofold.web._attach import attach
    from twofold.web._health import add_health
    from twofold.web._http import http
    from twofold.web._resolve import resolve
    from twofold.web._respond import respond
    from twofold.web._streams import Streams

__all__ = ["Streams", "add_health", "attach", "http", "resolve", "respond"]
