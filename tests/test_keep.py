import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from deployment import keep
from deployment.keep import Keep
from tests.test_door import CLEAN, DENTED
from tests.test_records import record


def test_photos_that_are_surely_fine_are_not_kept_others_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "kept"
    kept = Keep(folder)
    sure, unsure = record(p=0.05), record(p=0.6)
    other = replace(unsure, answer=replace(unsure.answer, photo_sha256="cd" * 32, p=0.31))
    kept.take([sure, unsure], [DENTED, CLEAN])
    kept.take([unsure, other], [CLEAN, CLEAN])
    assert sorted(p.name for p in folder.iterdir()) == ["ab" * 32 + ".png", "cd" * 32 + ".png"]
    assert (folder / ("ab" * 32 + ".png")).read_bytes() == CLEAN
    os.utime(folder / ("ab" * 32 + ".png"), (0, time.time() - 3 * 86_400))
    kept.forget(2)
    assert [p.name for p in folder.iterdir()] == ["cd" * 32 + ".png"]
    monkeypatch.setattr(keep, "MAX_KEPT", 1)
    kept.take([unsure], [CLEAN])
    assert len(list(folder.iterdir())) == 1


def test_a_full_disk_does_not_cost_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kept").write_text("a file where the folder should be")
    Keep(tmp_path / "kept").take([record(p=0.5)], [CLEAN])
    assert "cannot be kept" in capsys.readouterr().err
