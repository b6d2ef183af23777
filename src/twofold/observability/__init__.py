"""What operators see: metrics in Prometheus' format, spans of OpenTelemetry, and log lines that carry their context.

It is fed from below (middleware, subscriptions) and from above (callables of an application); nothing in the core
knows that it exists.
"""

from twofold.errors import Extra

with Extra("observability", room=__name__):
    from twofold.observability._live import Standing
    from twofold.observability._logs import LogFormat, configure_logging
    from twofold.observability._meter import PrometheusMeter
    from twofold.observability._spans import OpenTelemetrySpans, installed_spans

__all__ = [
    "LogFormat",
    "OpenTelemetrySpans",
    "PrometheusMeter",
    "Standing",
    "configure_logging",
    "installed_spans",
]
