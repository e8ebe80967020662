"""The Power BI project: valid by Microsoft's schemas, and true to the star."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from dashboards.powerbi import check, pages, project, report
from dentline.recipe import Dashboard

BASE = "https://developer.microsoft.com/json-schemas/fabric/"
DATA = r"C:\Dentline\my-part\dashboard"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return project.write(tmp_path / "powerbi", "my-part", DATA, Dashboard()).parent


@pytest.fixture(scope="session")
def validate(shared: Path) -> Callable[[Any], list[str]]:
    folder = shared / "schemas" / "powerbi" / "fabric"

    def retrieve(uri: str) -> Resource[Any]:
        path = folder / uri.removeprefix(BASE)
        return Resource.from_contents(json.loads(path.read_text(encoding="utf-8")), default_specification=DRAFT7)

    registry: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg]

    def errors(content: Any) -> list[str]:
        schema = retrieve(content["$schema"]).contents
        return [e.message for e in Draft7Validator(schema, registry=registry).iter_errors(content)]

    return errors


def contents(folder: Path) -> dict[str, Any]:
    paths = [p for p in folder.rglob("*") if p.suffix in (".json", ".pbip", ".pbir", ".pbism") or p.name == ".platform"]
    return {str(p.relative_to(folder)): json.loads(p.read_text(encoding="utf-8")) for p in paths}


def test_every_json_file_is_valid_by_its_schema(written: Path, validate: Callable[[Any], list[str]]) -> None:
    found = contents(written)
    assert len(found) > 30
    wrong = {name: validate(content)[:2] for name, content in found.items() if validate(content)}
    assert not wrong


def test_the_schemas_do_refuse(written: Path, validate: Callable[[Any], list[str]]) -> None:
    visual = next(c for name, c in contents(written).items() if name.endswith("visual.json"))
    assert not validate(visual)
    role = next(iter(visual["visual"]["query"]["queryState"].values()))
    role["projections"][0]["field"] = {"Mesure": {}}
    assert validate(visual)


def test_structure_is_sound(written: Path) -> None:
    assert check.problems(written) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("tables/fact_score.tmdl", "\tcolumn p\n", "\tcolumn pp\n", "its columns"),
        ("tables/fact_score.tmdl", "dataType: double", "dataType: string", "its CSV holds number"),
        ("tables/fact_score.tmdl", "sourceColumn: p\n", "sourceColumn: q\n", "reads q"),
        ("tables/fact_score.tmdl", "fact_score[is_rejected]", "fact_score[rejected]", "fact_score[rejected]"),
        ("tables/fact_score.tmdl", "[Answers] - [Rejected]", "[Answer] - [Rejected]", "[Answer]"),
        ("tables/fact_score.tmdl", "SUM(fact_score[is_rejected])", "SUM(fact_score[is_rejected]", "parentheses"),
        ("tables/fact_score.tmdl", "measure 'Yield'", "measure 'Yeild'", "fact_score.Yield does not exist"),
        ("tables/fact_score.tmdl", '"en-US"', '"de-DE"', "culture"),
        ("tables/fact_score.tmdl", '{"p", type number}, ', "", "not typed in M"),
        ("tables/fact_score.tmdl", "\t\tlineageTag", "\t\tlineage", "lineage tags"),
        ("tables/fact_score.tmdl", "\t\tdataType", "  \tdataType", "spaces"),
        ("tables/dim_date.tmdl", "\tdataCategory: Time\n", "", "date table"),
        ("tables/dim_part.tmdl", "\t\tisKey\n", "", "0 keys"),
        ("relationships.tmdl", "toColumn: dim_part.part_key", "toColumn: dim_part.key", "dim_part.key"),
        ("relationships.tmdl", "fromColumn: fact_score.part_key", "fromColumn: fact_score.part", "relates to nothing"),
        ("model.tmdl", "ref table dim_part\n", "", "other tables"),
        ("expressions.tmdl", "IsParameterQuery=true, ", "", "parameter"),
    ],
)
def test_each_fault_is_named(written: Path, file: str, old: str, new: str, words: str) -> None:
    path = written / "my-part.SemanticModel" / "definition" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert any(words in problem for problem in check.problems(written)), check.problems(written)


def test_visuals_lie_on_their_page_and_not_on_each_other() -> None:
    for page in pages.PAGES:
        taken: set[Any] = set()
        for visual in page.visuals:
            column, row, wide, high = visual.place
            cells = {(x, y) for x in range(column, column + wide) for y in range(row, row + high)}
            assert not cells & taken and max(cells) <= (11, 11), f"{page.name}: {visual.title}"
            taken |= cells
    assert [page.name for page in pages.PAGES] == ["Today", "Quality", "Models"]


def test_a_phone_shows_every_visual_once_and_apart(written: Path) -> None:
    for page in pages.PAGES:
        taken: set[tuple[int, int]] = set()
        for x, y, width, height in report.phone(page):
            points = {(i, j) for i in range(x, x + width) for j in range(y, y + height)}
            assert not points & taken and x + width <= report.PHONE_WIDTH, page.name
            taken |= points
    mobile = next(written.glob("*.Report/definition/pages/*/visuals/*/mobile.json"))
    content = json.loads(mobile.read_text(encoding="utf-8"))
    content["position"]["width"] = 400
    mobile.write_text(json.dumps(content), encoding="utf-8")
    assert any("wider than a phone" in problem for problem in check.problems(written))
    mobile.unlink()
    assert any("no place on a phone" in problem for problem in check.problems(written))


def test_curves_run_along_numbers(written: Path) -> None:
    visuals = [json.loads(p.read_text(encoding="utf-8"))["visual"] for p in written.rglob("visual.json")]
    curves = [v for v in visuals if "fact_evaluation.x" in json.dumps(v["query"])]
    assert len(curves) == 2
    for visual in curves:
        axis = visual["objects"]["categoryAxis"][0]["properties"]["axisType"]
        assert axis["expr"]["Literal"]["Value"] == "'Scalar'"


def test_writing_again_gives_the_same_files(written: Path, tmp_path: Path) -> None:
    assert project.files("my-part", DATA, Dashboard()) == project.files("my-part", DATA, Dashboard())
    other = project.write(tmp_path / "again", "my-part", DATA, Dashboard(cost_escape=7)).parent
    text = (other / "my-part.SemanticModel/definition/tables/fact_feedback.tmdl").read_text(encoding="utf-8")
    assert "measure 'Cost of an Escape' = 7.00" in text
