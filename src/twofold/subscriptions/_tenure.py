"""How long what a process has taken is its own: until it freezes, its store goes away, or another one is owed it."""

from typing import final

from twofold.subscriptions._owner import Owner


@final
class Tenure:
    """That of one checkpoint.

    Args:
        name: The name of the checkpoint.
        owner: Who has taken it.
    """

    def __init__(self, name: str, owner: Owner) -> None:
        self._name = name
        self._owner = owner
        self._term = 0
        """The term of the owner that it was proven in."""

    @property
    def certain(self) -> bool:
        """Whether nobody else can hold by now what is held here: only then may anything be begun."""
        return self._owner.sure and self._owner.term == self._term

    async def goes_on(self) -> bool:
        """Show that this process lives, and tell whether it still holds what it has taken before."""
        owner = self._owner
        if not owner.sure:
            await owner.show()
        term = owner.term
        handed_over = await owner.hand_over(self._name)  # another process had less to do
        broken = term != self._term  # it was frozen, or the store was away
        self._term = term
        return not (handed_over or broken)
