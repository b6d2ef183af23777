"""What a process has to do for a projection, by its version and those in the store."""

import pytest

from twofold.projections import Duty, Standing, duty_of
from twofold.store import Checkpoint

FOLLOW, BUILD = Duty(follow=True), Duty(build=True)


@pytest.mark.parametrize(
    "version, live, following, previous, duty",
    [
        (1, 1, 0, 0, FOLLOW),
        (1, 1, 2, 0, FOLLOW),
        (2, 2, 0, 1, FOLLOW),
        (1, 1, 0, 2, FOLLOW),
        (2, 2, 2, 1, Duty(follow=True, build=True)),
        (2, 1, 0, 0, Duty(build=True, lay=True)),
        (2, 1, 2, 0, BUILD),
        (3, 2, 0, 1, Duty(build=True, lay=True)),
        (3, 1, 2, 0, Duty(build=True, lay=True)),
        (3, 1, 0, 2, Duty(build=True, lay=True)),
        (2, 1, 2, 2, BUILD),
        (1, 2, 0, 1, Duty(reason="version 2 is live, and this process has version 1")),
        (1, 2, 1, 1, Duty(reason="version 2 is live, and this process has version 1")),
        (2, 1, 3, 0, Duty(reason="version 3 is being built, and this process has version 2")),
        (2, 1, 0, 2, Duty(reason="version 2 was rolled back to version 1")),
    ],
)
def test_a_process_does_what_its_version_is_for(
    version: int, live: int, following: int, previous: int, duty: Duty
) -> None:
    """The live one is followed, a newer one is built unless it was rolled back or overtaken, an older one waits."""
    stands = Standing(
        live=Checkpoint(name="p", version=live),
        next=Checkpoint(name="p@next", version=following),
        previous=Checkpoint(name="p@previous", version=previous),
    )
    assert duty_of(version, stands) == duty
