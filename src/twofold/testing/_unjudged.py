"""What tests have begun and nobody has judged: a `when` without its `then`, or a `then` that nobody has awaited.

Such a test is green whatever happens. The pytest plugin looks here after each test, and fails it if something is left.
All wait in one place for the whole process, where the plugin finds them; none stays but those that are forgotten.
"""

_begun = dict[int, tuple[object, str]]()


def begin(test: object, what: object) -> None:
    """Note that something waits for its `then`.

    Args:
        test: What has it.
        what: What is tested, as it is shown.
    """
    _begun[id(test)] = test, what if isinstance(what, str) else repr(what)


def judge(test: object) -> None:
    """Note that its `then` has run."""
    _begun.pop(id(test), None)


def unjudged() -> list[str]:
    """What still waits, as it is shown; from now on it does not."""
    waiting = [shown for _, shown in _begun.values()]
    _begun.clear()
    return waiting
