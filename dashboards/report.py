"""dashboard.html: the three pages as one file that opens without a network."""

from importlib.resources import files
from pathlib import Path

import jinja2
from plotly.offline import get_plotlyjs

from dashboards import cube
from dentline.files import write_text
from dentline.recipe import Recipe

SCRIPTS = ("data.js", "charts.js", "tables.js", "page.js")


def write(folder: Path, recipe: Recipe, name: str, days: int = 92) -> Path:
    """Write ``dashboard.html`` beside the star's files in `folder` and return it.

    Everything is inside: the numbers, the styles, and plotly's own script from the installed package.
    """
    room = files("dashboards")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        room.joinpath("templates/dashboard.html").read_text(encoding="utf-8")
    )
    shown = cube.build(folder, recipe, name, days)
    page = template.render(
        about=shown["about"],
        cube=cube.as_script(shown),
        plotly=get_plotlyjs(),
        style=room.joinpath("static/dashboard.css").read_text(encoding="utf-8"),
        scripts=[room.joinpath(f"static/{script}").read_text(encoding="utf-8") for script in SCRIPTS],
    )
    path = folder / "dashboard.html"
    write_text(path, page)
    return path
