"""What a check found: the one shape of every line of a preflight."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: what was looked at.
        fault: what is wrong, or empty.
        remedy: what to do about it; for a check that passed, what was seen.
    """

    check: str
    fault: str = ""
    remedy: str = ""

    @property
    def ok(self) -> bool:
        return not self.fault

    def __str__(self) -> str:
        seen = f": {self.remedy}" if self.remedy else ""
        return f"ok    {self.check}{seen}" if self.ok else f"FAULT {self.check}: {self.fault}; {self.remedy}"
