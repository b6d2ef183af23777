"""The command line: `twofold new`, `run`, `describe`, `parked`, `schema` and others; and exit codes for your own.

It loads nothing that a command does not need: `describe` opens neither the web room nor a server.
"""

from twofold.errors import Extra

with Extra("cli", room=__name__):
    from twofold.cli._exit import exit_code, exit_of
    from twofold.cli._main import main

__all__ = ["exit_code", "exit_of", "main"]
