"""Progress bars on stderr, for any stage that tells how far it is. Loaded by a command when it runs."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Bars(Progress):
    """One bar for each thing a stage says it is doing; gone when the work is done. None where no terminal is."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        super().__init__(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._named: dict[str, TaskID] = {}

    def show(self, what: str, done: int, total: int) -> None:
        """Move the bar called `what` to `done` of `total`."""
        if what not in self._named:
            self._named[what] = self.add_task(what, total=total)
        self.update(self._named[what], completed=done, total=total)
