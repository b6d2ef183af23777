"""CQRS for Python."""
