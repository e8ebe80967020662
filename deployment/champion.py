"""Which run's bundle is served, and the ones before it: models/champion.json, read and written here."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from dentline import files
from dentline.errors import DentlineError
from dentline.workspace import Workspace


@dataclass(frozen=True)
class Term:
    """A run's time as champion. `promoted_at` is UTC, ``YYYY-MM-DDTHH:MM:SS``."""

    run_id: str
    promoted_at: str


@dataclass(frozen=True)
class Champion:
    """The run that is served, and the ones before it, the latest last."""

    run_id: str
    promoted_at: str
    previous: tuple[Term, ...] = ()


def current(workspace: Workspace) -> Champion:
    """Return the champion.

    Raises:
        DentlineError: none was promoted yet, or the file is damaged.
    """
    path = workspace.champion
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        previous = tuple(Term(**term) for term in table.pop("previous"))
        return Champion(**table, previous=previous)
    except FileNotFoundError:
        raise DentlineError(str(path), "no model was promoted yet", "run: dentline promote RUN") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DentlineError(str(path), f"cannot be read: {error}", "run: dentline promote RUN") from error


def promote(workspace: Workspace, run_id: str) -> Champion:
    """Make a run's bundle the champion, after verifying it; the one before is kept. The champion itself
    may be promoted again: nothing changes.

    Raises:
        DentlineError: the run has no whole bundle.
    """
    _verify(workspace, run_id)
    previous: tuple[Term, ...] = ()
    if workspace.champion.exists():
        before = current(workspace)
        if before.run_id == run_id:
            return before
        previous = (*before.previous, Term(before.run_id, before.promoted_at))
    return _save(workspace, Champion(run_id, _now(), previous))


def back(workspace: Workspace) -> Champion:
    """Return to the champion before; its bundle is verified first.

    Raises:
        DentlineError: there is none before, or its bundle is not whole.
    """
    now = current(workspace)
    if not now.previous:
        raise DentlineError(str(workspace.champion), f"no champion before {now.run_id}", "promote another run")
    before = now.previous[-1]
    _verify(workspace, before.run_id)
    return _save(workspace, Champion(before.run_id, _now(), now.previous[:-1]))


def _save(workspace: Workspace, champion: Champion) -> Champion:
    files.write_text(workspace.champion, json.dumps(asdict(champion), indent=1) + "\n")
    return champion


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _verify(workspace: Workspace, run_id: str) -> None:
    from deployment import bundle  # and with it the runtime, which reading who reigns does not need

    bundle.load(workspace.bundle(run_id))
