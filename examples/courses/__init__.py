"""Courses and students: rules that span both, decided on whatever events carry their tags.

`twofold run examples.courses:app` serves it. This file is where it is put together; nothing else knows every part.
"""

from examples.courses.commands import commands
from examples.courses.queries import queries
from examples.courses.read_models import read_models
from twofold import App

__all__ = ["app"]

app = App("courses", modules=[commands, queries, read_models])
