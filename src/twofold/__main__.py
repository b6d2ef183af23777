"""`python -m twofold`: the command line, or which package it lacks."""

import sys

from twofold.app import open_room
from twofold.errors import MissingExtraError


def main() -> None:
    """Run the command line."""
    try:
        cli = open_room("twofold.cli")
    except MissingExtraError as error:
        sys.stderr.write(f"twofold: {error}\n")
        sys.exit(2)
    cli.main()


if __name__ == "__main__":
    main()
