"""docs/promises.md names only tests and benchmarks that exist."""

import re
from importlib.util import find_spec

from tests.serving import ROOT

DOCS = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")


def test_what_is_named_exists() -> None:
    tests = set(re.findall(r"`(tests/test_[a-z_]+\.py)`", DOCS))
    benchmarks = set(re.findall(r"`python -m (benchmarks\.[a-z]+)", DOCS))
    assert len(tests) > 10
    assert all((ROOT / path).is_file() for path in tests)
    assert benchmarks == {"benchmarks.fuzzing", "benchmarks.endurance", "benchmarks.serving"}
    assert all(find_spec(name) for name in benchmarks)


def test_every_promise_has_a_test_and_a_figure() -> None:
    rows = [
        line.strip("|").split(" | ") for line in DOCS.splitlines() if line.startswith("| ") and "promise |" not in line
    ]
    assert len(rows) > 25
    for row in rows:
        assert len(row) == 3, row
        assert all(cell.strip() for cell in row), row
