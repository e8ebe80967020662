"""docs/formats.md says of each format what the code says."""

import re

from labeling.formats import registry
from tests.conftest import ROOT


def test_table_names_every_format_and_what_it_loses() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\| ([^|]+) \|$", (ROOT / "docs" / "formats.md").read_text(), re.M)
    assert dict(rows) == {name: known.LOSES for name, known in registry.FORMATS.items()}
