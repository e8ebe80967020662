"""The one exception for what a user can put right."""

from typing import Any


class DentlineError(Exception):
    """An expected failure, told in one line: where, what was got, what to do.

    The command line prints it and exits 2; the service answers 4xx with it. Anything else that
    escapes is a bug.

    Args:
        where: the file, row, field or photo at fault (``"recipe.toml: [patches] size_px"``).
        problem: what was found and why it is refused.
        remedy: what the user can do about it.
    """

    def __init__(self, where: str, problem: str, remedy: str = "") -> None:
        self.where, self.problem, self.remedy = where, problem, remedy
        told = f"{where}: {problem}" + (f"; {remedy}" if remedy else "")
        super().__init__(" ".join(line.strip() for line in told.splitlines()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes: the parts as they are, whatever a subclass' constructor takes."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[DentlineError], args: tuple[Any, ...], parts: dict[str, Any]) -> DentlineError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(parts)
    return error
