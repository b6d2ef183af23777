"""What `python -m examples.demo` is made of; no example needs it to run."""
