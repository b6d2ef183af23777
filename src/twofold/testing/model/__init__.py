"""A state machine for whoever writes a store; it needs hypothesis, which nothing else of `twofold.testing` does."""

from twofold.testing.model._machine import StoreMachine

__all__ = ["StoreMachine"]
