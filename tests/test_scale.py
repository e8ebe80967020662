"""docs/scale.md says what its figures give."""

import json

from benchmarks import scale
from tests.conftest import ROOT


def test_table_of_the_docs_is_what_the_figures_give() -> None:
    figures = json.loads((ROOT / "docs" / "figures" / "many_photos.json").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert scale.table(figures["costs"], 64, 0.05, 0.02) in text
    for way, ratio in figures["ratios"].items():
        assert f"{ratio:.2f}" in (ROOT / "docs" / "compute.md").read_text(encoding="utf-8"), way
