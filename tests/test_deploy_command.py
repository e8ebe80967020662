"""``dentline deploy --dry-run`` as a user runs it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.app import app
from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment import champion
from tests import tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:::azure", "ignore:::marshmallow")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "door")
    made.root.mkdir()
    made.recipe.write_text("")
    tiny_model.write(made.bundle(tiny_model.CONTRACT.run_id))
    champion.promote(made, tiny_model.CONTRACT.run_id)
    return made


def test_dry_run_tries_the_release_and_prints_what_would_be_sent(workspace: Workspace) -> None:
    done = CliRunner().invoke(app, ["deploy", str(workspace.root), "--endpoint", "dentline-door", "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "FAULT" not in done.output
    assert '"endpoint_name": "dentline-door"' in done.output
    assert "code/score.py" in done.output and "bundle/model.onnx" in done.output
    assert "nothing was sent" in done.output


def test_nothing_is_sent_when_a_check_fails(workspace: Workspace) -> None:
    done = CliRunner().invoke(app, ["deploy", str(workspace.root), "--instance-type", "Standard_Toaster"])
    assert isinstance(done.exception, DentlineError)
    assert "FAULT machines: Standard_Toaster" in done.output
    assert "nothing was sent" in str(done.exception)
