"""What was measured on one photo, at 1, 10 and 100 million: ``python -m benchmarks.scale FIGURES.json``.

Arithmetic on the figures of ``benchmarks.many_photos``, nothing else: no price and no disk is asked. The prices are
round figures to be replaced by your own.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

N_PHOTOS = (10**6, 10**7, 10**8)
STEP_CPU_S, EPOCHS = 0.145 / 64, 40
"""CPU seconds of a training step of ``scratch`` a patch, and the recipe's epochs."""


def table(costs: Mapping[str, float], cores: int, per_core_hour: float, per_gb_month: float) -> str:
    """Return the table as Markdown.

    Args:
        costs: as ``benchmarks.many_photos`` writes them: CPU seconds and bytes a photo or patch.
        cores: that work at a time.
    """
    per_photo = costs["patches_per_photo"]
    jobs = {
        "score": (costs["score_cpu_s_per_photo"], costs["row_bytes"]),
        "cut": (costs["cut_cpu_s_per_photo"], costs["cut_bytes_per_photo"]),
        "augment --write": (costs["augment_cpu_s_per_patch"] * per_photo, costs["augment_bytes_per_patch"] * per_photo),
        "train scratch": (STEP_CPU_S * EPOCHS * per_photo, 0.0),
    }
    lines = [
        "| | 1 million | 10 million | 100 million |\n|---|---|---|---|",
        "| photos, stored | " + " | ".join(_stored(n * costs["photo_bytes"], per_gb_month) for n in N_PHOTOS) + " |",
    ]
    for name, (cpu_s, n_bytes) in jobs.items():
        hours = [n * cpu_s / 3600 for n in N_PHOTOS]
        spent = " | ".join(f"{_hours(h / cores)} on {cores} cores, {h * per_core_hour:,.0f}" for h in hours)
        lines.append(f"| `{name}`: time, cost | {spent} |")
        if n_bytes:
            lines.append(f"| … stored | {' | '.join(_stored(n * n_bytes, per_gb_month) for n in N_PHOTOS)} |")
    return "\n".join(lines) + "\n"


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.0f} days"


def _stored(n_bytes: float, per_gb_month: float) -> str:
    gb = n_bytes / 1e9
    size = f"{gb:,.1f} GB" if gb < 1000 else f"{gb / 1000:,.1f} TB"
    return f"{size}, {gb * per_gb_month:,.0f} a month"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path, help="what benchmarks.many_photos --json wrote")
    parser.add_argument("--cores", type=int, default=64)
    parser.add_argument("--per-core-hour", type=float, default=0.05)
    parser.add_argument("--per-gb-month", type=float, default=0.02)
    given = parser.parse_args()
    costs = json.loads(given.figures.read_text(encoding="utf-8"))["costs"]
    sys.stdout.write(table(costs, given.cores, given.per_core_hour, given.per_gb_month))


if __name__ == "__main__":
    main()
