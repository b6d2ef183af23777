"""What twofold costs, each figure against the same thing written by hand, in one run: `python -m benchmarks`."""
