"""proposals.csv: what a model guessed before anybody marked a dent, and the order it gives."""

from pathlib import Path

import pytest

from dentline.errors import DentlineError
from labeling import guesses
from labeling.annotation import Center
from labeling.proposals import Proposals

FOUND = {
    "a, quoted.jpg": Proposals("day0", (Center(10.5, 20.0), Center(1.0, 2.0)), (0.75, 0.5)),
    "none.jpg": Proposals("day0", (), ()),
    "b/deep.jpg": Proposals("day0", (Center(7.0, 8.0),), (0.9,)),
}


def test_written_guesses_read_back(tmp_path: Path) -> None:
    path = tmp_path / "proposals.csv"
    guesses.write(path, FOUND)
    assert guesses.read(path) == FOUND
    assert guesses.read(tmp_path / "none.csv") == {}


def test_the_surest_photo_comes_first_and_the_unasked_last() -> None:
    ids = ["none.jpg", "new.jpg", "a, quoted.jpg", "b/deep.jpg", "newer.jpg"]
    assert guesses.ordered(ids, FOUND) == ["b/deep.jpg", "a, quoted.jpg", "none.jpg", "new.jpg", "newer.jpg"]


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "proposals.csv"
    path.write_text("photo_id,x,y,p,model_id\na.jpg,here,3,0.4,m\n", encoding="utf-8")
    with pytest.raises(DentlineError, match="is damaged"):
        guesses.read(path)
