"""`python -m examples.hostfactory`."""

from examples.hostfactory.cli import main

main(prog_name="python -m examples.hostfactory")
