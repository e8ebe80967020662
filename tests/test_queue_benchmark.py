"""The play of labeling: what it calls a dent, what it keeps on disk, and that it runs from photos to figures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import queue, queue_photos


def test_of_the_places_beside_a_dent_the_nearest_is_learnt_from_and_the_others_are_not() -> None:
    xy = np.array([[100, 100], [110, 100], [128, 100], [300, 300]])
    shows, learnt = queue_photos.judged(xy, np.array([[102.0, 100.0]]))
    assert shows.tolist() == [0, 0, -1, -1]
    assert learnt.tolist() == [True, False, False, True]
    shows, learnt = queue_photos.judged(xy, np.zeros((0, 2)))
    assert (shows == -1).all() and learnt.all()


def test_photos_are_kept_and_played_through(small_album: Callable[[Path, int], Path], tmp_path: Path) -> None:
    photos = queue_photos.look(small_album(tmp_path / "album", 0), queue.SURFACE, 1.0, 6)
    assert [p.n_dents for p in photos] == [1] * 8 + [0] * 8
    assert all((p.shows >= 0).any() for p in photos[:8]), "a pit of 60 grey levels is among the strongest blobs"
    queue_photos.keep(tmp_path / "seen.npz", photos)
    again = queue_photos.kept(tmp_path / "seen.npz")
    for before, after in zip(photos, again, strict=True):
        assert (before.photo_id, before.part, before.n_dents) == (after.photo_id, after.part, after.n_dents)
        for name in ("xy", "features", "shows", "learnt", "appearance"):
            assert np.array_equal(getattr(before, name), getattr(after, name))
    result = queue.play(again, 2, 8)
    assert result["all_labels"]["value"] > 0.9
    for goal in result["goals"].values():
        for way in queue.WAYS:
            assert np.shape(goal["ways"][way]["each"]) == (2, queue.N_PLAYS)
            assert 4 <= goal["ways"][way]["value"] <= 12


def test_a_goal_counts_where_it_is_first_reached_and_one_step_more_where_it_never_is() -> None:
    scores = np.array([[[0.1, 0.9, 0.2], [0.1, 0.2, 0.3]]])
    steps = np.array([4, 8, 12])
    assert queue._needed(scores, np.array([[0.8, 0.8]]), steps).tolist() == [[8, 16]]
