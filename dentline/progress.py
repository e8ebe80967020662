"""How a stage tells how far it is, without knowing who listens."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, of how many."""


def silent(what: str, done: int, total: int) -> None:
    """Show nothing."""
