"""The composition root: mounts modules on a store, checks everything, starts, drains and stops."""

from twofold.app._app import App
from twofold.app._audit import Audit, Branch, NotAudited
from twofold.app._auditing import Auditing
from twofold.app._caller import Caller
from twofold.app._doctor import doctor
from twofold.app._environment import misspelt_variables
from twofold.app._locate import AppNotFound, locate
from twofold.app._production import Profile
from twofold.app._progress import Progress
from twofold.app._role import Role
from twofold.app._room import open_room
from twofold.app.discovery import NotDiscovered
from twofold.store import Bounds

__all__ = [
    "App",
    "AppNotFound",
    "Audit",
    "Auditing",
    "Bounds",
    "Branch",
    "Caller",
    "NotAudited",
    "NotDiscovered",
    "Profile",
    "Progress",
    "Role",
    "doctor",
    "locate",
    "misspelt_variables",
    "open_room",
]
