"""A month at three stations, played through the real stages: a lamp ages, drift is alarmed, a new model takes over.

Run: ``python -m benchmarks.story --folder OUT``. The photos are drawn, the answers are the model's own, and what
operators say is the drawn truth; training, scoring, drift, feedback, retraining and the dashboard are Dentline's.
The clock is set by hand, so that a month passes while it runs.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline import recipe as recipes
from dentline.recipe import Recipe
from dentline.workspace import Workspace
from deployment import bundle, champion, judged, keep, records
from deployment.answer import new_id
from deployment.feedback import Feedback
from deployment.keep import Keep
from deployment.records import Records, ScoreRecord
from deployment.scorer import OK, Scorer
from labeling import cut_shards, cutting, groups, patches, split, versions
from labeling.annotation import Annotation, Center
from labeling.groups import Member
from labeling.store import Store

STATIONS = ("line 1", "line 2", "line 3")
KINDS = ("door", "hood", "roof")
PARTS = tuple(f"{kind} {number}" for kind in KINDS for number in range(1, 5))
AGEING = "line 2"
DAYS, AGES_FROM, AGED_BY, RETRAINED_ON = 30, 8, 14, 20
WIDTH, HEIGHT = 288, 224
JUDGE_SHARE = 0.5
"""Of what passed; far more than one would judge, because the month is short."""

DENTED_SHARE = 0.3


@dataclass(frozen=True)
class Drawn:
    """A photo and its truth."""

    jpeg: bytes
    dents: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Told:
    """What happened.

    Attributes:
        escape_rate: share of the dented photos of the ageing station that passed: before the lamp aged, while it
            had and the first model answered, and after the second took over.
        n_dented: on how many dented photos each of them was counted.
        first_alarm_day: of the ageing station; `false_alarms` are those of the others, or of days before it aged.
    """

    n_answers: int
    escape_rate: dict[str, float]
    n_dented: dict[str, int]
    first_alarm_day: int | None
    false_alarms: int
    judged: int
    gains: list[dict[str, object]]
    is_better: bool
    champions: tuple[str, str]
    dashboard: str


def draw(rng: np.random.Generator, part: str, lamp: float, dented_share: float = DENTED_SHARE) -> Drawn:
    """Draw a photo of a painted part: panel lines and holes that are no dents, noise, and sometimes dents.

    Args:
        lamp: 1 when new. An old one is darker, and its light lies flatter on a dent.
    """
    own = np.random.default_rng(KINDS.index(part.split()[0]) + 1)
    level: NDArray[np.float32] = np.full((HEIGHT, WIDTH), 132.0, np.float32)
    for _ in range(3):
        top = int(own.integers(20, WIDTH - 20))
        cv2.line(level, (top, 0), (top + int(own.integers(-30, 30)), HEIGHT), float(own.uniform(95, 115)), 2)
        cv2.circle(level, (int(own.integers(20, WIDTH - 20)), int(own.integers(20, HEIGHT - 20))), 5, 40.0, -1)
    shift = np.array([[1, 0, rng.normal(0, 3)], [0, 1, rng.normal(0, 3)]], np.float32)
    level = cv2.warpAffine(level, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    clouds = cv2.resize(rng.normal(0, 3, (7, 9)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    level += clouds
    dents: list[tuple[float, float]] = []
    if rng.random() < dented_share:
        n_dents = 1 + int(rng.random() < 0.25)
        dents += [(float(rng.uniform(34, WIDTH - 34)), float(rng.uniform(34, HEIGHT - 34))) for _ in range(n_dents)]
    rows, columns = (axis + 0.5 for axis in np.mgrid[0:HEIGHT, 0:WIDTH])
    for place in dents:
        x, y = place
        radius, depth = rng.uniform(7, 10), rng.uniform(30, 48) * lamp**1.2
        right, down = columns - x, rows - y
        hollow = np.exp(-(right**2 + down**2) / (2 * (radius / 1.6) ** 2))
        level += (depth * hollow * (right + down) / radius).astype(np.float32)
    taken = level * lamp * rng.normal(1, 0.03) + rng.normal(0, 2.5, level.shape)
    grey = np.clip(taken, 0, 255).astype(np.uint8)
    done, jpeg = cv2.imencode(".jpg", cv2.merge([grey, grey, grey]), [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done
    return Drawn(jpeg.tobytes(), tuple(dents))


def lamp_of(station: str, day: int) -> float:
    """Return how bright a station's lamp is on a day."""
    if station != AGEING:
        return 1.0
    return float(np.interp(day, (AGES_FROM, AGED_BY), (1.0, 0.6)))


def play(folder: Path, photos_a_day: int = 12, epochs: int = 30, seed: int = 0) -> Told:
    """Play the month in `folder`, which must not exist, and return what happened.

    Args:
        photos_a_day: of each station.
    """
    from dashboards import drift, report
    from dashboards.export import export
    from training.retrain import retrain

    rng = np.random.default_rng(seed)
    workspace = Workspace(folder)
    start = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    first = _begin(workspace, rng, epochs, start)
    truth: dict[str, tuple[int, str, bool, bool]] = {}
    alarms: list[tuple[int, str]] = []
    second, gains, is_better = first, [], False
    keeper, writer = Keep(workspace.kept, JUDGE_SHARE), Records(workspace.scores)
    scorer = _scorer(workspace)
    for day in range(1, DAYS + 1):
        morning = start + timedelta(days=day - 1)
        for moment, station, part in _day(rng, morning, photos_a_day):
            drawn = draw(rng, part, lamp_of(station, day))
            record = _answer(scorer, drawn, moment, station, part)
            writer.add([record])
            keeper.take([record], [drawn.jpeg])
            passed = record.answer.verdict == OK
            truth[record.answer.score_id] = (day, station, bool(drawn.dents), passed)
            said = _operator(record, drawn, moment)
            if said is not None:
                writer.judge([said])
        found = drift.check(workspace, recipes.load(workspace.recipe).dashboard.drift_false_alarms)
        alarms += [(day, check.station or "") for check in found.checks if check.is_alarm]
        if day == RETRAINED_ON:
            done = retrain(workspace, morning + timedelta(hours=12))
            gains = [asdict(gain) for gain in done.proposal.gains]
            is_better = done.proposal.is_better
            second = done.proposal.run_id
            champion.promote(workspace, second)
            scorer = _scorer(workspace)
    n_judged = len(judged.judgements(records.open_for_reading(workspace.scores)))
    writer.close()
    export(workspace, start + timedelta(days=DAYS), wide=True)
    page = report.write(workspace.dashboard, recipes.load(workspace.recipe), workspace.name)
    rates, counts = _escapes(truth)
    true_alarms = [day for day, station in alarms if station == AGEING and day > AGES_FROM]
    return Told(
        len(truth),
        rates,
        counts,
        min(true_alarms, default=None),
        len(alarms) - len(true_alarms),
        n_judged,
        gains,
        is_better,
        (first, second),
        str(page),
    )


def _begin(workspace: Workspace, rng: np.random.Generator, epochs: int, start: datetime) -> str:
    """Make the project: 72 photos of 12 parts under a new lamp, marked, dealt, cut, trained on, promoted."""
    from training.train import train

    workspace.photos.mkdir(parents=True)
    recipe = Recipe(name="panels", train=recipes.Train(models=("scratch",), epochs=epochs, patience=epochs))
    recipe = replace(recipe, patches=replace(recipe.patches, negatives_per_photo=6, negative_distance_px=40.0))
    recipe = replace(recipe, scan=replace(recipe.scan, proposals=0))
    workspace.recipe.write_text(recipes.dumps(recipe), encoding="utf-8")
    annotations, members = [], []
    for number in range(72):
        part = PARTS[number % len(PARTS)]
        drawn = draw(rng, part, 1.0, dented_share=0.6)
        photo_id = f"{part}-{number:02d}.jpg"
        (workspace.photos / photo_id).write_bytes(drawn.jpeg)
        centers = tuple(Center(x, y) for x, y in drawn.dents)
        status = "marked" if centers else "clean"
        annotations.append(Annotation(photo_id, WIDTH, HEIGHT, centers, status, "kim", 1, start))  # type: ignore[arg-type]
        members.append(Member(photo_id, part, part, "declared"))
    with Store(workspace.labels) as store:
        store.replace_all(annotations)
    groups.write(workspace.groups, members)
    assignments = split.renew(workspace, recipe.split)
    versions.note(workspace.versions, annotations, [], start)
    cut_shards.cut(workspace.patches, cutting.plan(annotations, assignments, recipe.patches), workspace.photo_paths())
    assert len(patches.read(workspace.patches))
    (outcome,) = train(workspace)
    champion.promote(workspace, outcome.run_id)
    return outcome.run_id


def _scorer(workspace: Workspace) -> Scorer:
    scorer = Scorer(bundle.load(workspace.bundle(champion.current(workspace).run_id)))
    scorer.setup()
    return scorer


def _day(rng: np.random.Generator, morning: datetime, photos_a_day: int) -> Iterator[tuple[datetime, str, str]]:
    """Yield the photos of a day, in the order they are taken: when, where, of what."""
    taken: list[tuple[datetime, str, str]] = []
    for station in STATIONS:
        hours = np.sort(rng.uniform(0, 16, photos_a_day))
        taken += [(morning + timedelta(hours=float(hour)), station, PARTS[rng.integers(len(PARTS))]) for hour in hours]
    yield from sorted(taken)


def _answer(scorer: Scorer, drawn: Drawn, moment: datetime, station: str, part: str) -> ScoreRecord:
    answer, _ = scorer.answer(drawn.jpeg, new_id())
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"
    moved = replace(answer, score_id=new_id(moment.timestamp()), scored_at=stamp)
    return ScoreRecord(moved, "http", None, part, station)


def _operator(record: ScoreRecord, drawn: Drawn, moment: datetime) -> Feedback | None:
    """Return what the operator says the next hour of what lies in the tray, nothing of what does not."""
    answer = record.answer
    sampled = keep.is_sampled(answer.score_id, JUDGE_SHARE)
    if answer.verdict == OK and not sampled:
        return None
    later = moment + timedelta(hours=1)
    stamp = later.strftime("%Y-%m-%dT%H:%M:%S.000")
    return Feedback(
        new_id(later.timestamp()),
        answer.score_id,
        stamp,
        "dent" if drawn.dents else "clean",
        "kim",
        drawn.dents,
        sampled and answer.verdict == OK,
    )


def _escapes(truth: dict[str, tuple[int, str, bool, bool]]) -> tuple[dict[str, float], dict[str, int]]:
    spans = {"before": (1, AGES_FROM), "aged": (AGED_BY, RETRAINED_ON), "after": (RETRAINED_ON + 1, DAYS)}
    rates, counts = {}, {}
    for name, (first, last) in spans.items():
        passed = [
            p for day, station, dented, p in truth.values() if station == AGEING and dented and first <= day <= last
        ]
        rates[name], counts[name] = float(np.mean(passed)) if passed else 0.0, len(passed)
    return rates, counts


def main() -> None:
    """Play the story and print what happened."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folder", type=Path, required=True, help="a new folder for the project")
    arguments.add_argument("--photos-a-day", type=int, default=12, help="of each station")
    arguments.add_argument("--epochs", type=int, default=30)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    told = play(given.folder, given.photos_a_day, given.epochs, given.seed)
    print(json.dumps(asdict(told), indent=1))


if __name__ == "__main__":
    main()
