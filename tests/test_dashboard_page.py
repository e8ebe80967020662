"""dashboard.html in a real browser: offline, its numbers those of the files, its filters at work, on a phone."""

import re
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from benchmarks import answers
from dashboards import cube, report
from dashboards.export import export
from dentline.recipe import Dashboard, Recipe
from dentline.workspace import Workspace

MODELS = ("20261018-093000-scratch", "20261105-081500-vgg16")
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("month") / "doors")
    workspace.root.mkdir()
    answers.fill(workspace.scores, 4000, NOW, 12, MODELS, np.random.default_rng(0))
    export(workspace, NOW)
    report.write(workspace.dashboard, Recipe(), "doors </script><b>", 92)
    return workspace.dashboard


@dataclass
class Seen:
    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def figure(self, name: str) -> str:
        return self.page.inner_text(f"[data-figure={name}] .value")


def see(browser: Browser, folder: Path, width: int = 1440, tab: str = "today") -> Seen:
    page = browser.new_page(viewport={"width": width, "height": 900})
    seen = Seen(page)
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.goto(f"{(folder / 'dashboard.html').as_uri()}#{tab}")
    page.wait_for_selector(f"#page-{tab} .main-svg")
    return seen


def ask(folder: Path, sql: str) -> tuple[float, ...]:
    return duckdb.sql(sql.replace("@", f"{folder}/")).fetchall()[0]


@pytest.mark.parametrize("tab", ["today", "quality", "models"])
@pytest.mark.parametrize("width", [1440, 390])
def test_page_draws_without_a_network_and_fits(browser: Browser, folder: Path, tab: str, width: int) -> None:
    seen = see(browser, folder, width, tab)
    assert all(url.startswith(("file:", "data:", "blob:")) for url in seen.requests), seen.requests
    assert not seen.complaints
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    visible = f"#page-{tab} .card"
    boxes = [box for card in seen.page.query_selector_all(visible) if (box := card.bounding_box())]
    assert len(boxes) >= 6 and all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    assert seen.page.title().startswith("doors </script><b>"), "a project's name is text, not markup"
    seen.page.close()


def test_figures_are_those_of_the_files(browser: Browser, folder: Path) -> None:
    seen = see(browser, folder, tab="quality")
    n, rejected = ask(folder, "SELECT count(*), sum(is_rejected) FROM '@fact_score/*.csv'")
    assert seen.figure("yield") == f"{100 * (n - rejected) / n:.1f} %"
    escapes, sampled = ask(
        folder,
        "SELECT sum(n_escapes), sum(n_judged) FROM '@fact_feedback/*.csv' WHERE was_sampled = 1 AND was_rejected = 0",
    )
    assert seen.figure("escape-rate") == f"{100 * escapes / sampled:.2f} %"
    seen.page.click("#tab-today")
    (p95,) = ask(
        folder,
        "SELECT quantile_disc(latency_ms, 0.95) FROM '@fact_score/*.csv' "
        "WHERE date_key = (SELECT max(date_key) FROM '@fact_score/*.csv')",
    )
    shown = float(seen.figure("latency").removesuffix(" ms"))
    assert shown == pytest.approx(p95, rel=0.026), "bins of 5 percent tell it to within 2.5"
    seen.page.close()


def test_filters_choose_part_station_model_and_days(browser: Browser, folder: Path) -> None:
    seen = see(browser, folder, tab="quality")
    page, where = seen.page, ["true"]

    def agrees() -> None:
        sql = (
            "SELECT count(*), sum(is_rejected) FROM '@fact_score/*.csv' JOIN '@dim_part.csv' USING (part_key) "
            "JOIN '@dim_station.csv' USING (station_key) JOIN '@dim_model.csv' USING (model_key) WHERE "
        )
        n, rejected = ask(folder, sql + " AND ".join(where))
        assert seen.figure("yield") == f"{100 * (n - rejected) / n:.1f} %"
        detail = page.inner_text("[data-figure=yield] .detail")
        assert re.search(rf"n = {n:,}$", detail), detail

    agrees()
    for name, label, condition in (
        ("part", "hood", "part_id = 'hood'"),
        ("station", "line 2", "station = 'line 2'"),
        ("model", MODELS[1], f"model_id = '{MODELS[1]}'"),
    ):
        page.select_option(f"#filter-{name}", label=label)
        where.append(condition)
        agrees()
    page.fill("#filter-from", "2026-11-16")
    where.append("date_key >= 20261116")
    agrees()
    page.fill("#filter-to", "2026-11-18")
    where.append("date_key <= 20261118")
    agrees()
    page.fill("#filter-from", "2026-11-19")
    assert page.is_visible("#nothing"), "an empty choice says so"
    seen.page.close()


def test_pages_turn_by_keyboard(browser: Browser, folder: Path) -> None:
    seen = see(browser, folder)
    seen.page.focus("#tab-today")
    seen.page.keyboard.press("ArrowRight")
    assert seen.page.is_visible("#page-quality") and not seen.page.is_visible("#page-today")
    assert seen.page.get_attribute("#tab-quality", "aria-selected") == "true"
    seen.page.close()


def test_share_and_its_interval_are_wilsons(browser: Browser, folder: Path) -> None:
    seen = see(browser, folder)
    found = seen.page.evaluate("Data.share(3, 40)")
    assert (found["value"], found["n"]) == (0.075, 40)
    assert (found["low"], found["high"]) == pytest.approx((0.02582, 0.19859), abs=1e-4)
    assert seen.page.evaluate("Data.quantile([[0, 5], [10, 4], [20, 1]], 0.95, 1.05)") == pytest.approx(1.05**20.5)
    seen.page.close()


def test_project_without_answers_has_a_page(browser: Browser, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    export(workspace, NOW)
    path = report.write(workspace.dashboard, Recipe(), "new", 92)
    page = browser.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    assert page.is_visible("#nothing") and not complaints
    page.close()


def test_no_text_ends_the_script() -> None:
    assert "</script" not in cube.as_script({"part": "</script><script>alert(1)</script>"})


def test_hours_and_times_are_those_of_the_station(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    answers.fill(workspace.scores, 500, NOW, 2, MODELS, np.random.default_rng(1))
    job = Recipe(dashboard=Dashboard(time_zone="Asia/Tokyo"))
    export(workspace, NOW, job.dashboard)
    shown = cube.build(workspace.dashboard, job, "doors", 92)
    assert shown["about"]["clock"] == "Asia/Tokyo"
    with sqlite3.connect(workspace.scores) as scores:
        hours = scores.execute("SELECT (substr(scored_at, 12, 2) + 9) % 24, count(*) FROM score GROUP BY 1").fetchall()
        (last,) = scores.execute("SELECT max(scored_at) FROM score WHERE verdict <> 'ok'").fetchone()
    cells, found = shown["tables"]["cells"], dict.fromkeys(range(24), 0)
    for hour, n in zip(cells["hour"], cells["n"], strict=True):
        found[hour] += n
    assert found == dict.fromkeys(range(24), 0) | dict(hours)
    local = datetime.fromisoformat(last) + timedelta(hours=9)
    assert shown["tables"]["flagged"]["at"][0] == f"{local:%Y-%m-%d %H:%M}"
