from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dentline.errors import DentlineError
from dentline.recipe import Split
from dentline.workspace import Workspace
from labeling import groups, split
from labeling.split import SIDES, Assignment, deal

GROUPS = {f"p{g:02}-{i}.jpg": f"g{g:02}" for g in range(30) for i in range(1 + g % 4)}
DENTED = {p for p in GROUPS if int(p[1:3]) < 10}


@given(st.dictionaries(st.text("abc", min_size=1), st.sampled_from("ABCDEFGH")), st.data())
def test_no_group_is_on_two_sides(groups: dict[str, str], data: st.DataObject) -> None:
    dented = data.draw(st.sets(st.sampled_from(sorted(groups)))) if groups else set()
    dealt = deal(groups, dented, Split(seed=data.draw(st.integers(0, 99))))
    assert {p: a.group for p, a in dealt.items()} == groups
    for group in set(groups.values()):
        assert len({a.split for a in dealt.values() if a.group == group}) == 1


def test_each_side_gets_its_share_of_dented_and_of_free_groups() -> None:
    dealt = deal(GROUPS, DENTED, Split())
    for photos, wanted in ((DENTED, (6, 2, 2)), (GROUPS.keys() - DENTED, (12, 4, 4))):
        found = tuple(len({dealt[p].group for p in photos if dealt[p].split == side}) for side in SIDES)
        assert found == wanted


def test_the_seed_is_the_deal() -> None:
    assert deal(GROUPS, DENTED, Split(seed=3)) == deal(dict(reversed(GROUPS.items())), set(DENTED), Split(seed=3))
    assert deal(GROUPS, DENTED, Split(seed=3)) != deal(GROUPS, DENTED, Split(seed=4))


def test_later_photos_join_their_group_and_move_nothing() -> None:
    first = deal({p: g for p, g in GROUPS.items() if g < "g20"}, DENTED, Split(seed=1))
    both = deal({**GROUPS, "new.jpg": "g03"}, {*DENTED, "new.jpg"}, Split(seed=2), first)
    assert {p: both[p] for p in first} == first
    assert both["new.jpg"].split == both["p03-0.jpg"].split
    assert {a.seed for a in both.values()} == {1, 2}


def test_groups_joined_later_across_sides_are_a_leak_that_names_both_photos() -> None:
    kept = {"a.jpg": Assignment("A", "train"), "b.jpg": Assignment("B", "test")}
    with pytest.raises(DentlineError, match=r"a\.jpg \(train\) and b\.jpg \(test\).*leak"):
        deal({"a.jpg": "A", "b.jpg": "A"}, set(), Split(), kept)


def test_copies_across_sides_are_a_leak_that_names_both_photos(tmp_path: Path) -> None:
    paths = {name: tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")}
    for name, path in paths.items():
        path.write_bytes(b"same" if name != "b.jpg" else b"other")
    sides = {"a.jpg": Assignment("A", "train"), "b.jpg": Assignment("B", "test"), "c.jpg": Assignment("C", "test")}
    with pytest.raises(DentlineError, match=r"a\.jpg \(train\) and c\.jpg \(test\).*byte for byte"):
        split.refuse_copies(sides, paths, "split.csv")


def test_groups_joined_after_the_split_are_seen(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    split.write(workspace.split, {"a.jpg": Assignment("A", "train"), "b.jpg": Assignment("B", "test")})
    groups.write(workspace.groups, groups.declare(["a.jpg", "b.jpg"], {"a.jpg": "A", "b.jpg": "C"}))
    assert split.current(workspace)["b.jpg"] == Assignment("C", "test")
    groups.write(workspace.groups, groups.declare(["a.jpg", "b.jpg"], {"a.jpg": "A", "b.jpg": "A"}))
    with pytest.raises(DentlineError, match=r"a\.jpg \(train\) and b\.jpg \(test\).*leak"):
        split.current(workspace)


def test_written_split_reads_back(tmp_path: Path) -> None:
    dealt = deal(GROUPS, DENTED, Split(seed=7))
    split.write(tmp_path / "split.csv", dealt)
    assert split.read(tmp_path / "split.csv") == dealt


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["a.jpg,A,train", "b.jpg,A,test"], r"a\.jpg \(train\) and b\.jpg \(test\)"),
        (["a.jpg,A,training"], "row 2.*'training'"),
        (["a.jpg,,train"], "row 2.*group"),
        (["a.jpg,A,train", "a.jpg,A,train"], r"row 3.*a\.jpg a second time"),
    ],
)
def test_wrong_split_file_is_refused(tmp_path: Path, rows: list[str], words: str) -> None:
    path = tmp_path / "split.csv"
    path.write_text("\n".join(["photo_id,group,split", *rows]))
    with pytest.raises(DentlineError, match=words):
        split.read(path)


def test_no_split_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DentlineError, match="dentline split"):
        split.read(tmp_path / "split.csv")
