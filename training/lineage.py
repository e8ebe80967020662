"""Where anything came from and what came of it: row, photo, clicks, split, run, bundle, answers, both ways."""

import re
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from dentline.errors import DentlineError
from dentline.files import sha256
from dentline.workspace import Workspace
from deployment import champion
from labeling.versions import Version
from training.known import Known
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
    """Walk both ways from anything that has a name.

    Args:
        name: a run_id, the SHA-256 of a bundle or the fingerprint of its data, the number of a version of the data, a
            score_id, feedback_id or drift_id, a photo_id or the SHA-256 of a photo, a patch_id, or a group.

    Raises:
        DentlineError: nothing has that name.
    """
    with closing(Known(workspace)) as known:
        for walk in _WALKS:
            trail = walk(known, name)
            if trail is not None:
                return trail
    raise DentlineError(
        name,
        "is no answer, judgement, drift check, photo, patch, group, run, bundle or version of this project",
        "give an id as the files or scores have it",
    )


def _of_run(known: Known, name: str) -> Trail | None:
    run = next((one for one in known.runs if one.run_id == name), None)
    if run is None:
        return None
    return Trail(_run_link(run), tuple(_run_origins(known, run)), tuple(_run_outcomes(known, run)))


def _of_answer(known: Known, name: str) -> Trail | None:
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


def _of_judgement(known: Known, name: str) -> Trail | None:
    found = known.rows("SELECT score_id FROM feedback WHERE feedback_id = ?", name)
    trail = _of_answer(known, found[0][0]) if found else None
    if trail is None:
        return None
    (subject,) = _judgement(known, name)
    rest = tuple(link for link in trail.outcomes if link.kind != "judgement")
    return Trail(subject, (trail.subject, *trail.origins), rest)


def _of_photo(known: Known, name: str) -> Trail | None:
    photo_id = name if name in known.photos else known.photo_of(name) if len(name) == 64 else None
    if photo_id is None:
        return None
    return Trail(_photo_link(known, photo_id), tuple(_photo_origins(known, photo_id)), _photo_outcomes(known, photo_id))


def _of_patch(known: Known, name: str) -> Trail | None:
    patch = known.patches.get(name)
    judged = [(run, i) for run in known.runs for i in (run.predictions.patch_id == name).nonzero()[0]]
    if patch is None and not judged:
        return None
    if patch is not None:
        photo_id, side = patch.photo_id, patch.split
        facts = f"{'dent' if patch.label else 'none'} at ({patch.x:.1f}, {patch.y:.1f}), {patch.origin}"
    else:
        seen, row = judged[0][0].predictions, judged[0][1]
        photo_id, side = str(seen.photo_id[row]), str(seen.split[row])
        facts = f"{'dent' if seen.label[row] else 'none'}; cut no more"
    outcomes = [Link("split", side, "")]
    for run in known.runs:
        p = next((run.predictions.p[i] for one, i in judged if one is run), None)
        if p is not None:
            outcomes.append(Link("run", run.run_id, f"judged it: p {p:.3f}"))
        elif known.learnt(run, side, photo_id):
            outcomes.append(Link("run", run.run_id, "learnt from it"))
    photo = _photo_link(known, photo_id) if photo_id in known.photos else Link("photo", photo_id, "not here any more")
    return Trail(Link("patch", name, facts), (photo, *_photo_origins(known, photo_id)), tuple(outcomes))


def _of_group(known: Known, name: str) -> Trail | None:
    photos = [photo_id for photo_id, side in known.sides.items() if side.group == name]
    if not photos:
        return None
    side = known.sides[photos[0]].split
    members = tuple(_photo_link(known, photo_id) for photo_id in photos if photo_id in known.photos)
    return Trail(Link("group", name, f"{len(photos)} photos"), members, (Link("split", side, ""),))


def _of_version(known: Known, name: str) -> Trail | None:
    version = next((v for v in known.versions if re.fullmatch(rf"v?{v.number}", name)), None)
    if version is None:
        return None
    came = tuple(link for name in version.feedback_ids for link in _judgement(known, name))
    made = [run for run in known.runs if run.record.data_version == version.number]
    outcomes = tuple(link for run in made for link in (_run_link(run), *_run_outcomes(known, run)))
    return Trail(_version_link(version), came, outcomes)


def _of_data(known: Known, name: str) -> Trail | None:
    made = [run for run in known.runs if run.record.data_fingerprint == name]
    if not made:
        return None
    subject, *origins = _run_origins(known, made[0])
    outcomes = tuple(link for run in made for link in (_run_link(run), *_run_outcomes(known, run)))
    return Trail(subject, tuple(origins), outcomes)


def _of_bundle(known: Known, name: str) -> Trail | None:
    for run in known.runs:
        bundles = [link for link in _run_outcomes(known, run) if link.kind == "bundle"]
        if any(name in (link.name, link.facts.removeprefix("SHA-256 ")) for link in bundles):
            rest = tuple(link for link in _run_outcomes(known, run) if link.kind != "bundle")
            return Trail(bundles[0], (_run_link(run), *_run_origins(known, run)), rest)
    return None


def _of_drift(known: Known, name: str) -> Trail | None:
    columns = "measured_at, station, model_id, period, measure, n_photos, psi, ks, is_alarm, upto_seq"
    found = known.rows(f"SELECT {columns} FROM drift WHERE drift_id = ?", name)
    if not found:
        return None
    moment, station, model_id, period, measure, n_photos, psi, ks, is_alarm, upto = found[0]
    facts = f"{measure}, PSI {float(psi):.2f}, KS {float(ks):.2f}, {'alarm' if is_alarm else 'no alarm'}, {moment} UTC"
    answers = known.rows(
        "SELECT score_id FROM (SELECT score_id, seq FROM score WHERE model_id = ? AND station IS ? AND seq <= ? "
        "ORDER BY seq DESC LIMIT ?) ORDER BY seq",
        *(model_id, station, upto, n_photos),
    )
    window = f"{n_photos} of station {station or '–'} by {period}"
    seen = [Link("answers", f"{answers[0][0]} to {answers[-1][0]}", window)] if answers else []
    run = next((one for one in known.runs if one.run_id == model_id), None)
    behind = [] if run is None else [_run_link(run), *_run_origins(known, run)]
    return Trail(Link("drift check", name, facts), (*seen, Link("model", model_id, "its training photos"), *behind), ())


def _judgements(known: Known, score_id: str) -> Iterable[Link]:
    columns = "feedback_id, truth, operator, given_at"
    for name, truth, operator, moment in known.rows(
        f"SELECT {columns} FROM feedback WHERE score_id = ? ORDER BY seq", score_id
    ):
        into = [v.number for v in known.versions if name in v.feedback_ids]
        became = f", in version {into[0]} of the data" if into else ", not yet in the data"
        yield Link("judgement", name, f"{truth}, by {operator or 'nobody named'}, {moment} UTC{became}")


def _judgement(known: Known, name: str) -> Iterable[Link]:
    for (score_id,) in known.rows("SELECT score_id FROM feedback WHERE feedback_id = ?", name):
        yield from (link for link in _judgements(known, score_id) if link.name == name)


def _photo_origins(known: Known, photo_id: str) -> Iterable[Link]:
    annotation = known.annotations.get(photo_id)
    if annotation is not None:
        facts = f"{annotation.status}, {len(annotation.centers)} centres, revision {annotation.revision}, "
        yield Link(
            "clicks", photo_id, facts + f"by {annotation.annotator}, {annotation.updated_at:%Y-%m-%dT%H:%M:%S} UTC"
        )
    for place in known.hard:
        if place.photo_id == photo_id:
            yield Link("hard negative", f"({place.x:g}, {place.y:g})", place.origin)


def _photo_outcomes(known: Known, photo_id: str) -> tuple[Link, ...]:
    found = []
    side = known.sides.get(photo_id)
    if side is not None:
        found.append(Link("split", side.split, f"with the group {side.group}"))
    cut = [patch for patch in known.patches.values() if patch.photo_id == photo_id]
    if cut:
        found.append(Link("patches", f"{cut[0].patch_id} …", f"{len(cut)}, {sum(p.label for p in cut)} with a dent"))
    for run in known.runs:
        judged = int((run.predictions.photo_id == photo_id).sum())
        if judged:
            found.append(Link("run", run.run_id, f"judged on {judged} of its patches"))
        elif side is not None and known.learnt(run, side.split, photo_id):
            found.append(Link("run", run.run_id, "learnt from it"))
    digest = sha256(known.photos[photo_id])
    for score_id, verdict, p in known.rows("SELECT score_id, verdict, p FROM score WHERE photo_sha256 = ?", digest):
        found += [Link("answer", score_id, f"{verdict}, p {float(p):.3f}"), *_judgements(known, score_id)]
    return tuple(found)


def _photo_link(known: Known, photo_id: str) -> Link:
    return Link("photo", photo_id, f"SHA-256 {sha256(known.photos[photo_id])}")


def _run_link(run: Run) -> Link:
    record = run.record
    counts = f"{record.n_train} patches to learn from, {record.n_test} to report on"
    return Link("run", run.run_id, f"{record.model}, {record.started_at} UTC, {counts}, weights {record.weights}")


def _run_origins(known: Known, run: Run) -> Iterable[Link]:
    yield Link("data", run.record.data_fingerprint, "labels and pixels it learnt from")
    version = next((v for v in known.versions if v.number == run.record.data_version), None)
    if version is not None:
        yield _version_link(version)


def _version_link(version: Version) -> Link:
    said = f", {len(version.feedback_ids)} judgements came in" if version.feedback_ids else ""
    facts = f"{version.source}, {version.n_photos} photos, {version.n_centers} centres, {version.n_hard} hard{said}"
    return Link("version", str(version.number), f"{facts}, {version.made_at} UTC")


def _run_outcomes(known: Known, run: Run) -> Iterable[Link]:
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


_WALKS = (
    _of_run,
    _of_answer,
    _of_judgement,
    _of_photo,
    _of_patch,
    _of_group,
    _of_version,
    _of_data,
    _of_bundle,
    _of_drift,
)
