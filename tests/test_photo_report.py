"""The report's part on whole photos, drawn from a run's places and its bundle."""

import base64
import json
from pathlib import Path
from types import SimpleNamespace

import jinja2
import numpy as np

from dentline import images
from dentline.recipe import Recipe
from deployment.engine import OnnxEngine
from tests import tiny_model
from training import photo_report, photos, report
from training.decision import decide, trusted


def test_wrong_photos_are_shown_marked_and_the_rest_is_told(tmp_path: Path) -> None:
    dents = {"found.png": [(100.0, 120.0)], "clean.png": [], "alarm.png": [(200.0, 90.0)], "other.png": [(90.0, 90.0)]}
    dents["clean too.png"] = []
    marks = {**dents, "alarm.png": []}
    files = {name: tmp_path / name for name in dents}
    for number, (name, xy) in enumerate(dents.items()):
        files[name].write_bytes(images.encode_png(tiny_model.surface(200, 300, xy, seed=number)))
    workspace = SimpleNamespace(photo_paths=lambda: files)
    marked = [photos.Marked(name, name.replace(" too", ""), np.array(xy).reshape(-1, 2)) for name, xy in marks.items()]
    engine = OnnxEngine(tiny_model.model())
    looked = photos.look(engine.run, workspace, marked, "scan", 8, lambda *_: None)
    rng = np.random.default_rng(0)
    decision = decide(looked, Recipe(), rng)
    test = photos.told(looked.calibrated(decision.calibration), 0.5, rng)
    told = {"test": test, "source": "scan", "cost": decision.told, "trust": trusted(looked, decision.calibration)}
    told = json.loads(json.dumps(told))  # as places.json holds it
    tiny_model.write(tmp_path / "bundle")
    run = SimpleNamespace(folder=tmp_path, places=told, run_id="r", record=SimpleNamespace(model="tiny"))
    section = photo_report.section(run, files, report._div)
    said = {picture.photo_id: picture for picture in section.wrong + section.right}
    assert said["alarm.png"].is_wrong and said["alarm.png"].said.startswith("false alarm")
    assert said["clean.png"].said == "clean, called ok" and section.n_wrong == 1
    assert "clean too.png" not in said  # one photo of each part
    pixels = images.decode(base64.b64decode(said["found.png"].png)).astype(int)
    assert (pixels[120 - 21 : 120 + 22, 100 - 21 : 100 + 22, 1] - pixels[78:121, 78:121, 0]).max() > 60  # a green ring
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(photo_report.__file__).parent / "templates"), autoescape=True
    )
    html = env.get_template("photos.html").render(run=run, whole={"r": section})
    assert "Too few to promise it" in html and "alarm.png" in html and html.count("plotly-graph-div") == 3
    assert f"{test['parts']['tp']}</td>" in html
