"""Keys as the environment gives them: in a variable, or in a file that another variable names."""

import os
from pathlib import Path

from twofold.errors import WiringError


def given_keys(variable: str, file_variable: str) -> list[str]:
    """The keys that a variable has, or the file that another one names; the newest first.

    Args:
        variable: The one that has them.
        file_variable: The one that names the file.

    Raises:
        WiringError: Both are set, the file cannot be read, or there is no key in what is set.
    """
    typed, file = os.environ.get(variable), os.environ.get(file_variable)
    if typed and file:
        raise WiringError(f"{variable} and {file_variable} are both set: which of them has the keys?")
    if file:
        try:
            typed = Path(file).read_text()
        except (OSError, UnicodeError) as error:
            raise WiringError(f"the file that {file_variable} names cannot be read: {error}") from error
    keys = (typed or "").split()
    if not keys and (file or typed):
        raise WiringError(f"{file_variable if file else variable} is set, and there is no key in it")
    return keys
