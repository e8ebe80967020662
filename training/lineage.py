"""Where anything came from and what came of it: row, photo, clicks, split, run, bundle, answers, both ways."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from dentline.errors import DentlineError
from dentline.files import sha256
from dentline.workspace import Workspace
from deployment import champion, records
from labeling import hard, split, versions
from labeling.annotation import Annotation
from labeling.store import Store
from training import run as runs
from training.run import Run


@dataclass(frozen=True)
class Link:
    """One step of a trail: what it is, its name, and what is known of it."""

    kind: str
    name: str
    facts: str


@dataclass(frozen=True)
class Trail:
    """The thing asked for, what it came from, nearest first, and what came of it, nearest first."""

    subject: Link
    origins: tuple[Link, ...]
    outcomes: tuple[Link, ...]


def trace(workspace: Workspace, name: str) -> Trail:
    """Walk both ways from an answer, a judgement, a photo, a patch or a run.

    Args:
        name: a score_id, feedback_id, photo_id, SHA-256 of a photo, patch_id or run_id.

    Raises:
        DentlineError: nothing has that name.
    """
    with closing(_Known(workspace)) as known:
        for walk in (_of_run, _of_answer, _of_judgement, _of_photo):
            trail = walk(known, name)
            if trail is not None:
                return trail
    raise DentlineError(
        name,
        "is no answer, judgement, photo, patch or run of this project",
        "give an id as the files or scores have it",
    )


class _Known:
    """What a project knows, read once."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.photos = workspace.photo_paths()
        self.sides = split.read(workspace.split) if workspace.split.is_file() else {}
        self.runs = [runs.read(path.parent) for path in sorted(workspace.runs.glob("[!.]*/run.json"))]
        self.versions = versions.read(workspace.versions)
        self.hard = hard.read(workspace.hard)
        self.annotations: dict[str, Annotation] = {}
        if workspace.labels.is_file():
            with Store(workspace.labels) as store:
                self.annotations = store.latest()
        self.scores: sqlite3.Connection | None = None
        if workspace.scores.is_file():
            self.scores = records.open_for_reading(workspace.scores)

    def close(self) -> None:
        if self.scores is not None:
            self.scores.close()

    def rows(self, sql: str, *values: object) -> list[tuple[str, ...]]:
        return [] if self.scores is None else self.scores.execute(sql, values).fetchall()

    def photo_of(self, photo_sha256: str) -> str | None:
        found = self.rows("SELECT photo_id FROM score WHERE photo_sha256 = ? AND photo_id IS NOT NULL", photo_sha256)
        named = [photo_id for (photo_id,) in found if photo_id in self.photos]
        for photo_id in (*named, *(p for p in self.photos if p.startswith("feedback/" + photo_sha256[:16]))):
            if sha256(self.photos[photo_id]) == photo_sha256:
                return photo_id
        return None


def _of_run(known: _Known, name: str) -> Trail | None:
    run = next((one for one in known.runs if one.run_id == name), None)
    if run is None:
        return None
    return Trail(_run_link(run), tuple(_run_origins(known, run)), tuple(_run_outcomes(known, run)))


def _of_answer(known: _Known, name: str) -> Trail | None:
    columns = "score_id, scored_at, verdict, p, model_id, photo_sha256, part_id, station"
    found = known.rows(f"SELECT {columns} FROM score WHERE score_id = ?", name)
    if not found:
        return None
    score_id, moment, verdict, p, model_id, photo_sha256, part_id, station = found[0]
    facts = f"{verdict}, p {float(p):.3f}, {moment} UTC, part {part_id or '–'}, station {station or '–'}"
    origins = [Link("model", model_id, "answered")]
    run = next((one for one in known.runs if one.run_id == model_id), None)
    if run is not None:
        origins += [_run_link(run), *_run_origins(known, run)]
    outcomes = list(_judgements(known, score_id))
    photo_id = known.photo_of(photo_sha256)
    if photo_id is not None:
        outcomes += [*_photo_origins(known, photo_id), *_photo_outcomes(known, photo_id)]
    return Trail(
        Link("answer", score_id, facts), (Link("photo", photo_id or photo_sha256, ""), *origins), tuple(outcomes)
    )


def _of_judgement(known: _Known, name: str) -> Trail | None:
    found = known.rows("SELECT score_id FROM feedback WHERE feedback_id = ?", name)
    trail = _of_answer(known, found[0][0]) if found else None
    if trail is None:
        return None
    (subject,) = (link for link in _judgements(known, found[0][0]) if link.name == name)
    rest = tuple(link for link in trail.outcomes if link.kind != "judgement")
    return Trail(subject, (trail.subject, *trail.origins), rest)


def _of_photo(known: _Known, name: str) -> Trail | None:
    photo_id = name if name in known.photos else known.photo_of(name) if len(name) == 64 else None
    if photo_id is None:
        photo_id = next(
            (
                str(run.predictions.photo_id[i])
                for run in known.runs
                for i in (run.predictions.patch_id == name).nonzero()[0]
            ),
            None,
        )
    if photo_id is None or photo_id not in known.photos:
        return None
    subject = Link("photo", photo_id, f"SHA-256 {sha256(known.photos[photo_id])}")
    return Trail(subject, tuple(_photo_origins(known, photo_id)), tuple(_photo_outcomes(known, photo_id)))


def _judgements(known: _Known, score_id: str) -> Iterable[Link]:
    columns = "feedback_id, truth, operator, given_at"
    for name, truth, operator, moment in known.rows(
        f"SELECT {columns} FROM feedback WHERE score_id = ? ORDER BY seq", score_id
    ):
        into = [v.number for v in known.versions if name in v.feedback_ids]
        became = f", in version {into[0]} of the data" if into else ", not yet in the data"
        yield Link("judgement", name, f"{truth}, by {operator or 'nobody named'}, {moment} UTC{became}")


def _photo_origins(known: _Known, photo_id: str) -> Iterable[Link]:
    annotation = known.annotations.get(photo_id)
    if annotation is not None:
        facts = f"{annotation.status}, {len(annotation.centers)} centres, revision {annotation.revision}, "
        yield Link(
            "clicks", photo_id, facts + f"by {annotation.annotator}, {annotation.updated_at:%Y-%m-%dT%H:%M:%S} UTC"
        )
    for place in known.hard:
        if place.photo_id == photo_id:
            yield Link("hard negative", f"({place.x:g}, {place.y:g})", place.origin)


def _photo_outcomes(known: _Known, photo_id: str) -> Iterable[Link]:
    side = known.sides.get(photo_id)
    if side is not None:
        yield Link("split", side.split, f"with the group {side.group}")
    annotation = known.annotations.get(photo_id)
    for run in known.runs:
        judged = int((run.predictions.photo_id == photo_id).sum())
        before = annotation is not None and f"{annotation.updated_at:%Y-%m-%dT%H:%M:%S}" <= run.record.started_at
        if judged:
            yield Link("run", run.run_id, f"judged on {judged} of its patches")
        elif side is not None and side.split == "train" and before:
            yield Link("run", run.run_id, "learnt from it")
    digest = sha256(known.photos[photo_id])
    for score_id, verdict, p in known.rows("SELECT score_id, verdict, p FROM score WHERE photo_sha256 = ?", digest):
        yield Link("answer", score_id, f"{verdict}, p {float(p):.3f}")
        yield from _judgements(known, score_id)


def _run_link(run: Run) -> Link:
    record = run.record
    counts = f"{record.n_train} patches to learn from, {record.n_test} to report on"
    return Link("run", run.run_id, f"{record.model}, {record.started_at} UTC, {counts}, weights {record.weights}")


def _run_origins(known: _Known, run: Run) -> Iterable[Link]:
    yield Link("data", run.record.data_fingerprint, "labels and pixels it learnt from")
    version = next((v for v in known.versions if v.number == run.record.data_version), None)
    if version is not None:
        said = f", {len(version.feedback_ids)} judgements came in" if version.feedback_ids else ""
        facts = f"{version.source}, {version.n_photos} photos, {version.n_centers} centres, {version.n_hard} hard{said}"
        yield Link("version", str(version.number), f"{facts}, {version.made_at} UTC")


def _run_outcomes(known: _Known, run: Run) -> Iterable[Link]:
    folder = known.workspace.bundle(run.run_id)
    if (folder / "contract.json").is_file():
        yield Link("bundle", str(folder), f"SHA-256 {sha256(folder / 'sha256.json')}")
    if known.workspace.champion.is_file():
        now = champion.current(known.workspace)
        if now.run_id == run.run_id:
            yield Link("champion", run.run_id, f"since {now.promoted_at} UTC")
        for term in now.previous:
            if term.run_id == run.run_id:
                yield Link("former champion", run.run_id, f"from {term.promoted_at} UTC")
    sql = "SELECT count(*), min(scored_at), max(scored_at), sum(verdict <> 'ok') FROM score WHERE model_id = ?"
    for n, first, last, flagged in known.rows(sql, run.run_id):
        if int(n):
            yield Link("answers", str(n), f"{flagged} flagged, {first} to {last} UTC")
    sql = "SELECT count(*), sum(truth = 'dent') FROM feedback JOIN score USING (score_id) WHERE model_id = ?"
    for n, dents in known.rows(sql, run.run_id):
        if int(n):
            yield Link("judgements", str(n), f"{dents} with a dent")
