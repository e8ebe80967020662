"""`dentline label`: open the labeling page of a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from dentline.workspace import Workspace
    from labeling.scout import Model

WEAK = 0.2
"""The queue goes by places from this share of the threshold on; only those above it are proposed."""

MOST_PLACES = 50
"""So many places a photo are kept at most."""

N_MORE = 50
"""So many photos ahead the advice looks."""


def label(
    project: Path = typer.Argument(..., help="Project folder: its photos are shown, its labels.db written."),
    host: str = typer.Option("127.0.0.1", help="Address; other than loopback only with a key."),
    port: int = typer.Option(8765, min=0, max=65535, help="Port; 0 takes a free one."),
    key: str = typer.Option("", envvar="DENTLINE_LABEL_KEY", help="What visitors must know; made up where needed."),
    proposals: bool = typer.Option(True, help="Show what the champion, or `dentline propose`, finds."),
    browser: bool = typer.Option(True, help="Open the page in the browser."),
) -> None:
    """Mark the dents of a project's photos in the browser.

    Every click is saved as it is made. Several people can work at once: start it with
    --host 0.0.0.0 and give them the address it prints, which carries the key.

    Example: dentline label my-part
    """
    from functools import partial

    from dentline.workspace import Workspace
    from labeling.desk import Desk
    from labeling.serve import serve

    workspace = Workspace.open(project)
    model = helper(workspace) if proposals else None
    serve(Desk.of(workspace, model, partial(advice, workspace)), host, port, key, browser)


def helper(workspace: Workspace) -> Model | None:
    """Return what labeling may ask: the champion, or before there is one what `dentline propose` guessed."""
    return champion(workspace) or guessed(workspace)


def champion(workspace: Workspace) -> Model | None:
    """Return the champion as the labeling page asks it, or None where there is none that finds places."""
    if not workspace.champion.is_file():
        return None

    from commands.proposer import of
    from deployment import bundle, champion
    from labeling.scout import Model

    made = bundle.load(workspace.bundle(champion.current(workspace).run_id))
    contract = made.contract
    if contract.task != "patch":
        return None
    threshold = contract.threshold if contract.scan_threshold is None else contract.scan_threshold
    propose = of(made, threshold * WEAK, MOST_PLACES)
    return Model(made.model_id, threshold, lambda _, photo: propose(photo))


def guessed(workspace: Workspace) -> Model | None:
    """Return the guesses in proposals.csv as a model, or None where there are none."""
    from dentline.files import sha256
    from labeling import guesses
    from labeling.proposals import Proposals
    from labeling.scout import Model

    found = guesses.read(workspace.proposals)
    if not found:
        return None
    model_id = next(iter(found.values())).model_id
    least = min((p for each in found.values() for p in each.p), default=1.0)
    nothing = Proposals(model_id, (), ())
    fingerprint = f"{model_id} {sha256(workspace.proposals)}"
    return Model(fingerprint, least, lambda photo_id, _: found.get(photo_id, nothing), guess=True)


def advice(workspace: Workspace) -> str:
    """Say by the runs so far whether more labels still pay; "" while too few runs tell.

    Each run counts with the photos that were reviewed when it began.
    """
    import numpy as np

    from labeling.learning_curve import forecast
    from labeling.store import Store
    from training import run as runs

    with Store(workspace.labels) as store:
        log = store.log()
    points = []
    for folder in sorted(workspace.runs.glob("*/")):
        if not (folder / "run.json").is_file():
            continue
        run = runs.read(folder)
        before = {
            e.annotation.photo_id for e in log if f"{e.annotation.updated_at:%Y-%m-%dT%H:%M:%S}" < run.record.started_at
        }
        points.append((len(before), run.metrics["test"]["average_precision"]["value"]))
    if not points:
        return ""
    n_marked, score = np.array([n for n, _ in points]), np.array([s for _, s in points])
    found = forecast(n_marked, score, N_MORE, np.random.default_rng(0))
    return found.says if found else ""
