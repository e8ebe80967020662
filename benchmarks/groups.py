"""How well photos of the same part are found from pixels alone, beside the best known grouping.

``python -m benchmarks.groups --data DIR --json OUT`` on a folder with ``images/`` (or ``photos/``) and
``images.csv`` (image, tile or part). Pairs are judged; intervals are 95 % by bootstrap over the parts.
"""

import argparse
import json
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dentline.files import write_text
from labeling import group_sheet, groups, near_duplicates
from labeling.verdicts import judge

N_RESAMPLES = 2000


@dataclass(frozen=True)
class Pairs:
    """Every pair of photos: (n,) arrays.

    Attributes:
        a, b: index of each photo's part.
        same: the known grouping has them together.
        evidence, correlation: the cues; -inf where the pair was no candidate.
        joined: they ended in one group.
    """

    a: NDArray[np.intp]
    b: NDArray[np.intp]
    same: NDArray[np.bool_]
    evidence: NDArray[np.float64]
    correlation: NDArray[np.float64]
    joined: NDArray[np.bool_]


def measured(pairs: Pairs, said: NDArray[np.bool_], parts: NDArray[np.intp], seed: int = 0) -> dict[str, Any]:
    """Return precision and recall of `said` over the pairs within `parts`, with intervals."""
    n_parts = int(max(pairs.a.max(), pairs.b.max())) + 1
    inside = np.isin(pairs.a, parts) & np.isin(pairs.b, parts)
    a, b, same, said = pairs.a[inside], pairs.b[inside], pairs.same[inside], said[inside]
    hits = np.bincount(a[same & said], minlength=n_parts)
    known = np.bincount(a[same], minlength=n_parts)
    wrong = np.zeros((n_parts, n_parts))
    np.add.at(wrong, (a[said & ~same], b[said & ~same]), 1)
    rng = np.random.default_rng(seed)
    weights = np.zeros((N_RESAMPLES + 1, n_parts))
    weights[0, parts] = 1
    for row in weights[1:]:
        np.add.at(row, rng.choice(parts, len(parts)), 1)
    found = weights @ hits
    false = np.einsum("rs,st,rt->r", weights, wrong, weights, optimize=True)
    precision = found / np.maximum(found + false, 1)
    recall = found / np.maximum(weights @ known, 1)

    def value(values: NDArray[np.float64], n: int) -> dict[str, float | int]:
        low, high = np.percentile(values[1:], [2.5, 97.5])
        return {"value": float(values[0]), "low": float(low), "high": float(high), "n": n}

    return {"precision": value(precision, int(said.sum())), "recall": value(recall, int(same.sum()))}


def threshold(score: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """Return the score that gives the best F1, in the middle of the gap where it lies."""
    order = np.argsort(-score)
    ranked, hits = score[order], np.cumsum(same[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + same.sum())
    best = int(f1.argmax())
    return float((ranked[best] + max(0.0, ranked[min(best + 1, len(ranked) - 1)])) / 2)


def collect(table: pd.DataFrame, folder: Path) -> tuple[Pairs, list[groups.Member], list[Any], dict[str, float]]:
    """Look at the photos; return all their pairs, the groups, the verdicts and the CPU seconds."""
    paths = {name: folder / name for name in table["image"]}
    began = time.process_time()
    seen = near_duplicates.compared(paths, np.random.default_rng(0), _progress)
    verdicts = [v for a, b, likeness in seen if (v := judge(a, b, likeness)) is not None]
    members = groups.join(paths, {}, verdicts)
    cost = {"cpu_s": time.process_time() - began, "n_compared": len(seen)}
    index = {name: i for i, name in enumerate(table["image"])}
    n = len(table)
    cues = np.full((2, n, n), -np.inf)
    for a, b, likeness in seen:
        first, second = sorted((index[a], index[b]))
        cues[:, first, second] = likeness.evidence, likeness.correlation
    part = np.unique(table["part"].to_numpy(object).astype(str), return_inverse=True)[1]
    group_of = {m.photo_id: m.group for m in members}
    group = np.unique([group_of[name] for name in table["image"]], return_inverse=True)[1]
    i, j = np.triu_indices(n, 1)
    pairs = Pairs(part[i], part[j], part[i] == part[j], cues[0, i, j], cues[1, i, j], group[i] == group[j])
    return pairs, members, verdicts, cost


def halves(pairs: Pairs, n_parts: int, seed: int) -> list[dict[str, Any]]:
    """Fit each cue's threshold on half of the parts and judge on the other; the shipped rule on both."""
    order = np.random.default_rng(seed).permutation(n_parts)
    sides = {"fit": np.sort(order[: n_parts // 2]), "judged": np.sort(order[n_parts // 2 :])}
    inside = np.isin(pairs.a, sides["fit"]) & np.isin(pairs.b, sides["fit"])
    rows = []
    for name, score in (("keypoints alone", pairs.evidence), ("surfaces alone", pairs.correlation)):
        limit = threshold(score[inside], pairs.same[inside])
        rows.append(
            {"rule": name, "threshold": limit, **{s: measured(pairs, score > limit, p) for s, p in sides.items()}}
        )
    shipped = {s: measured(pairs, pairs.joined, p) for s, p in sides.items()}
    return [*rows, {"rule": "as shipped, joined into groups", "threshold": None, **shipped}]


def disputes(pairs: Pairs, names: NDArray[Any]) -> list[dict[str, Any]]:
    """Return the parts on which pixels and known grouping differ, with how many pairs, the most first."""
    wrong = pairs.same != pairs.joined
    found: dict[tuple[str, str, bool], list[float]] = {}
    for first, second, joined, evidence in zip(
        pairs.a[wrong], pairs.b[wrong], pairs.joined[wrong], pairs.evidence[wrong], strict=True
    ):
        key = (*sorted((str(names[first]), str(names[second]))), bool(joined))
        found.setdefault(key, []).append(float(evidence))  # type: ignore[arg-type]
    rows = [
        {"parts": sorted({a, b}), "pixels_say": "one part" if joined else "two parts", "n_pairs": len(values)}
        | {"median_evidence": float(np.median(finite)) if (finite := [v for v in values if np.isfinite(v)]) else None}
        for (a, b, joined), values in found.items()
    ]
    return sorted(rows, key=lambda row: -int(row["n_pairs"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--sheet", type=Path, help="write a page of the disputed pairs here")
    parser.add_argument("--seed", type=int, default=0, help="of the halves")
    args = parser.parse_args()
    table = pd.read_csv(args.data / "images.csv", dtype=str).rename(columns={"tile": "part"})
    folder = args.data / ("images" if (args.data / "images").is_dir() else "photos")
    names = np.unique(table["part"].to_numpy(object).astype(str))
    pairs, members, verdicts, cost = collect(table, folder)
    candidate = np.isfinite(pairs.evidence)
    result = {
        "n_photos": len(table),
        "n_parts": len(names),
        "n_groups_found": len({m.group for m in members}),
        "n_pairs": len(pairs.same),
        "n_pairs_same": int(pairs.same.sum()),
        "all": measured(pairs, pairs.joined, np.arange(len(names))),
        "halves": halves(pairs, len(names), args.seed),
        "candidates": {"n": int(candidate.sum()), "recall": float(candidate[pairs.same].mean())},
        "uncertain": {
            way: sum(v.certainty == "uncertain" and v.way == way for v in verdicts) for way in ("joined", "kept apart")
        },
        "margin": {
            cue: {
                "related_5th_percentile": float(np.percentile(score[candidate & pairs.same], 5)),
                "unrelated_99th_percentile": float(np.percentile(score[candidate & ~pairs.same], 99)),
            }
            for cue, score in (("evidence", pairs.evidence), ("correlation", pairs.correlation))
        },
        "disputes": disputes(pairs, names),
        "cost": cost | {"python": platform.python_version(), "machine": platform.machine()},
    }
    write_text(args.json, json.dumps(result, indent=1) + "\n")
    if args.sheet:
        part_of = dict(zip(table["image"], table["part"], strict=True))
        shown = [groups.Member(m.photo_id, m.group, part_of[m.photo_id], m.origin) for m in members]
        group_sheet.write(args.sheet, {i: folder / i for i in table["image"]}, shown, verdicts, args.data.name)
    _say(result)
    print(f"wrote {args.json}" + (f" and {args.sheet}" if args.sheet else ""))


def _say(result: dict[str, Any]) -> None:
    def figure(value: dict[str, float]) -> str:
        return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}] n={value['n']}"

    print(f"{result['n_photos']} photos of {result['n_parts']} parts: {result['n_groups_found']} groups found")
    print(f"all pairs: precision {figure(result['all']['precision'])}, recall {figure(result['all']['recall'])}")
    for row in result["halves"]:
        for side in ("fit", "judged"):
            found = row[side]
            print(f"  {row['rule']:<31} {side:<6} P {figure(found['precision'])}  R {figure(found['recall'])}")
    for row in result["disputes"][:20]:
        print(f"  disputed: {' and '.join(row['parts'])}: pixels say {row['pixels_say']} ({row['n_pairs']} pairs)")


def _progress(what: str, done: int, total: int) -> None:
    if done == total or done % 500 == 0:
        print(f"{what}: {done} of {total}", file=sys.stderr)


if __name__ == "__main__":
    main()
