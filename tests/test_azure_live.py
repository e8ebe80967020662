"""A real subscription, where one is at hand: config.json of a workspace here, credentials, and a compute's name.

Run with: DENTLINE_TEST_COMPUTE=cpu-cluster pytest -m azure
"""

import os
from pathlib import Path

import pytest

from training import job as jobs
from training import snapshot as snapshots
from training.targets import azure, azureml

COMPUTE = os.environ.get("DENTLINE_TEST_COMPUTE", "")

pytestmark = [
    pytest.mark.azure,
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(not COMPUTE, reason="no Azure credentials: DENTLINE_TEST_COMPUTE names no compute"),
]


@pytest.mark.parametrize("connect", [azure.connect, azureml.connect], ids=["SDK v2", "SDK v1"])
def test_job_is_accepted_and_cancelled(connect: object, tmp_path: Path) -> None:
    assert callable(connect)
    target = connect(COMPUTE)
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands" / "app.py").write_text("print('dentline')\n")
    (tmp_path / "environment.yml").write_text("name: dentline\ndependencies: [python=3.11]\n")
    taken = snapshots.read(tmp_path)
    handle = target.submit(jobs.train("dentline-live-test", "dentline-tests", taken.digest), tmp_path)
    assert target.status(handle) in ("queued", "running", "completed")
    target.cancel(handle)
