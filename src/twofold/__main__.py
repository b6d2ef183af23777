"""`python -m twofold`: the command line, or which package it lacks."""

import sys
from importlib.metadata import version

from twofold.app import open_room
from twofold.errors import MissingExtraError


def main() -> None:
    """Run the command line; which version this is, it tells without its packages, too."""
    try:
        cli = open_room("twofold.cli")
    except MissingExtraError as error:
        if sys.argv[1:] == ["--version"]:
            sys.stdout.write(f"twofold, version {version('twofold')}\n")
            return
        sys.stderr.write(f"twofold: {error}\n")
        sys.exit(2)
    cli.main()


if __name__ == "__main__":
    main()
