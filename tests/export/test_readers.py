"""What a reader makes of a value: Power BI, Excel, a German one, a plant with its own clock."""

import locale

import pandas as pd
import pytest

from dashboards.export import export
from dentline.errors import DentlineError
from dentline.recipe import Dashboard
from dentline.workspace import Workspace
from deployment.records import ScoreRecord
from tests.export.project import NOVEMBER, answer, record, rows


def test_values_are_written_as_power_bi_reads_them(project: Workspace) -> None:
    record(project, ScoreRecord(answer(1, "2026-10-31T23:59:59.999", 0.1, 1), "http", 'ä,"b".jpg', "door-7"))
    export(project, NOVEMBER)
    (score,) = rows(project, "fact_score")
    assert score["scored_at_utc"] == "2026-10-31T23:59:59"
    assert (score["date_key"], score["time_key"]) == ("20261031", "2359")
    assert (score["p"], score["is_rejected"], score["photo_id"]) == ("0.1", "0", 'ä,"b".jpg')
    assert score["station_key"] == "0"
    assert rows(project, "fact_score", "2026-10") == [score]
    auc, f1 = rows(project, "fact_training_metric")
    assert (auc["metric"], auc["value"], auc["n"], auc["date_key"]) == ("auc", "0.99", "40", "20261018")
    assert f1["low"] == "", "what is not a number is null"
    curves = rows(project, "fact_evaluation")
    assert [r["count"] for r in curves if r["curve"] == "confusion"] == ["29", "1", "1", "9"]
    assert [r["y"] for r in curves if r["curve"] == "val_loss"] == ["1", "0.6"]
    days = rows(project, "dim_date")
    assert (days[0]["date"], days[-1]["date"], len(days)) == ("2026-01-01", "2026-12-31", 365)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1+1",
        "\r\n=1+1",
        " =1+1",
        "a;=1+1;b",
        'a,=cmd|"/c calc"!A1',
        "＝1+1",
        "'=1",
    ],
)
def test_no_text_runs_as_a_formula(project: Workspace, text: str) -> None:
    record(project, ScoreRecord(answer(1, "2026-11-03T10:00:00.000"), "http", text, text, text))
    export(project, NOVEMBER, wide=True)
    cells_found = [rows(project, "fact_score")[0]["photo_id"], rows(project, "wide")[0]["part_id"]]
    cells_found += [r[n] for t, n in (("dim_part", "part_id"), ("dim_station", "station")) for r in rows(project, t)]
    for found in cells_found:
        for separator in (",", ";", "\t", "|"):
            for piece in found.split(separator):
                assert piece.strip(' "')[:1] not in set("=+-@\t\r\n＝＋－＠"), found
        assert found.isprintable()


def test_days_and_minutes_are_those_of_the_stations_clock(project: Workspace) -> None:
    """Summer time ended in Berlin on 25 October 2026 at 01:00 UTC, in Chicago a week later."""
    moments = ("2026-10-24T23:30:00.000", "2026-10-25T00:59:59.999", "2026-10-25T01:00:00.000")
    for number, moment in enumerate(moments):
        record(project, ScoreRecord(answer(number, moment, 0.9, 1), "http", None, None, "line 1"))
        record(project, ScoreRecord(answer(number + 3, moment), "http", None, None, "line 3"))
    record(project, ScoreRecord(answer(6, "2026-10-31T23:30:00.000"), "http"))
    settings = Dashboard(time_zone="Europe/Berlin", station_time_zones=("line 3 = America/Chicago",))
    export(project, NOVEMBER, settings)
    told = [(r["date_key"], r["time_key"]) for r in rows(project, "fact_score", "2026-10")]
    berlin = [("20261025", "130"), ("20261025", "259"), ("20261025", "200")]
    chicago = [("20261024", "1830"), ("20261024", "1959"), ("20261024", "2000")]
    pairs = [clock for both in zip(berlin, chicago, strict=True) for clock in both]
    assert told == [*pairs, ("20261101", "30")], "filed by its month in UTC, counted on the plant's day"
    assert [(r["date_key"], r["time_key"]) for r in rows(project, "fact_defect")] == berlin
    zones = {r["station"]: r["time_zone"] for r in rows(project, "dim_station")}
    assert zones == {"(not given)": "Europe/Berlin", "line 1": "Europe/Berlin", "line 3": "America/Chicago"}
    assert {r["date_key"] for r in rows(project, "fact_training_metric")} == {"20261018"}

    assert not export(project, NOVEMBER, settings).written
    export(project, NOVEMBER)
    assert rows(project, "fact_score")[0]["time_key"] == "2330", "another clock tells every row anew"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Dashboard(time_zone="Mars/Olympus"), "no time zone"),
        (Dashboard(station_time_zones=("Europe/Berlin",)), "line 3 ="),
        (Dashboard(station_time_zones=("line 3 = Nowhere",)), "'Nowhere'"),
        (Dashboard(shifts=("early",)), "'early'"),
        (Dashboard(shifts=("a 06:00", "b 6:00")), "'b 6:00'"),
    ],
)
def test_clocks_and_shifts_that_cannot_be_read_are_named(project: Workspace, settings: Dashboard, words: str) -> None:
    with pytest.raises(DentlineError, match=words):
        export(project, NOVEMBER, settings)


def test_minutes_know_their_shift(project: Workspace) -> None:
    export(project, NOVEMBER, Dashboard(shifts=("day 05:30", "night 17:30")))
    shifts = {int(r["time_key"]): r["shift"] for r in rows(project, "dim_time")}
    assert (shifts[0], shifts[529], shifts[530], shifts[1729], shifts[1730]) == (
        "night",
        "night",
        "day",
        "day",
        "night",
    )


def test_german_reader_with_the_documented_settings_reads_what_was_scored(project: Workspace) -> None:
    """The settings of docs/powerbi.md, told to pandas: UTF-8, comma, dot decimals. No locale enters."""
    record(project, ScoreRecord(answer(1, "2026-11-05T10:00:00.000", 0.125, 2), "http", "Tür-ß, Größe 2.jpg"))
    export(project, NOVEMBER)
    path = project.dashboard / "fact_score" / "fact_score_2026-11.csv"
    frame = pd.read_csv(path, sep=",", decimal=".", thousands=None, encoding="utf-8-sig", parse_dates=["scored_at_utc"])
    assert frame.p[0] == 0.125 and frame.latency_ms[0] == 7.5 and frame.scored_at_utc[0].month == 11
    assert frame.photo_id[0] == "Tür-ß, Größe 2.jpg" and frame.n_defects.dtype == "int64"


def test_a_double_click_in_a_german_excel_shows_one_column_instead_of_wrong_numbers(project: Workspace) -> None:
    """It would take 0.125 for 125. As `;` is its separator, each row stays one text, which nobody takes for data."""
    record(project, ScoreRecord(answer(1, "2026-11-05T10:00:00.000", 0.125), "http", "a;b=1.jpg"))
    export(project, NOVEMBER)
    path = project.dashboard / "fact_score" / "fact_score_2026-11.csv"
    lines = path.read_text("utf-8-sig").splitlines()
    assert all(not piece.lstrip(' "').startswith(("=", "+", "-", "@")) for line in lines for piece in line.split(";"))
    german = pd.read_csv(path, sep=";", decimal=",", thousands=".", encoding="utf-8-sig", names=["all", "rest"])
    assert german["all"].map(type).eq(str).all() and german["rest"].dropna().map(type).eq(str).all()


def test_numbers_are_the_same_in_a_german_process(project: Workspace) -> None:
    """What would write 0,125 or read it wrong is a C library that was told the user's locale."""
    record(project, ScoreRecord(answer(1, "2026-11-05T10:00:00.000", 0.125), "http"))
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
    except locale.Error:
        pytest.skip("the locale de_DE.UTF-8 is not on this machine")
    try:
        export(project, NOVEMBER)
    finally:
        locale.setlocale(locale.LC_ALL, before)
    assert rows(project, "fact_score")[0]["p"] == "0.125"
