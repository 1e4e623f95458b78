"""Claims about docs/validation.md: made from the committed JSON, complete, and its numbers are means of its rows."""

import copy
import importlib
import json
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MEASURED_APART = [
    json.loads((DOCS / f"{name}.json").read_text(encoding="utf-8"))
    for name in ("cross-validation", "networks", "search")
]
PUBLISHED = ROOT / "Resources" / "published"
CONTENT = json.loads((DOCS / "validation.json").read_text(encoding="utf-8"))
TABLES = [table["key"] for table in CONTENT["evaluation"]["tables"]]


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS / "scripts"))
        yield importlib.import_module("write_validation")


@pytest.fixture(scope="module")
def page():
    return (DOCS / "validation.md").read_text(encoding="utf-8")


def unwrapped(text):
    return " ".join(text.split())


def test_the_page_is_what_its_script_writes_from_the_json(script, page):
    assert script.page(CONTENT, *MEASURED_APART) == page, "run python docs/scripts/write_validation.py"


def test_the_figures_say_what_the_json_says(script):
    """By their texts: the bytes of a picture change with the version of matplotlib."""

    def texts(svg):
        return [text for text in re.findall(r"<!-- (.*?) -->", svg.decode(), re.S) if re.search("[a-z]", text)]

    drawn = script.figures(CONTENT)
    assert len(drawn) == 3
    for name, svg in drawn.items():
        assert texts((DOCS / "images" / name).read_bytes()) == texts(svg), "run python docs/scripts/write_validation.py"


@pytest.mark.parametrize("key", TABLES)
def test_no_table_of_the_evaluation_is_left_out(key, script, page):
    changed = copy.deepcopy(CONTENT)
    table = next(table for table in changed["evaluation"]["tables"] if table["key"] == key)
    table["rows"] = [[cell + 1.0 if isinstance(cell, float) else cell for cell in row] for row in table["rows"]]
    assert script.page(changed, *MEASURED_APART) != page


def test_the_mean_dice_is_the_mean_over_patients_of_frames_of_structures():
    by_frame = {}
    for row in CONTENT["cases"]:
        by_frame.setdefault(row["patient"], {}).setdefault(row["phase"], []).append(row["dice"])
    patients = [statistics.fmean(map(statistics.fmean, frames.values())) for frames in by_frame.values()]
    assert len(patients) == CONTENT["evaluation"]["counts"]["scored"]
    assert CONTENT["summary"]["mean_dice"] == pytest.approx(statistics.fmean(patients), abs=1e-5)


@pytest.mark.parametrize("ventricle", ["LV", "RV"])
def test_the_error_of_the_ejection_fraction_is_that_of_its_volumes(ventricle):
    def ef(row, side):
        edv, esv = (row[f"{ventricle.lower()}_{volume}_ml_{side}"] for volume in ("edv", "esv"))
        return 100.0 * (edv - esv) / edv

    errors = [ef(row, "predicted") - ef(row, "reference") for row in CONTENT["studies"]]
    summary = CONTENT["summary"]
    assert summary[f"{ventricle}_ef_bias_points"] == pytest.approx(statistics.fmean(errors), abs=1e-4)
    assert summary[f"{ventricle}_ef_mae_points"] == pytest.approx(statistics.fmean(map(abs, errors)), abs=1e-4)


def test_every_headline_lies_within_its_interval():
    for name, value in CONTENT["summary"].items():
        low, high = CONTENT["intervals"][name]
        assert low < value < high


@pytest.mark.parametrize("kind", ["mean_dice", "structure_dice", "lv_hausdorff_mm"])
def test_every_published_row_stands_on_the_page_with_source_protocol_and_caveat(kind, page):
    for row in json.loads((PUBLISHED / "acdc_literature.json").read_text(encoding="utf-8"))[kind]:
        assert row["source"] in page
        assert f"| {row['protocol']} |" in page
        assert row["caveat"] in unwrapped(page)


def test_the_page_says_that_published_figures_were_not_verified(page):
    note = json.loads((PUBLISHED / "acdc_literature.json").read_text(encoding="utf-8"))["note"]
    assert "secondary sources" in note
    assert "not checked against the papers" in note
    assert note in unwrapped(page)


def test_tables_stay_readable(page):
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert rows
    assert all(row.count("|") <= 10 for row in rows)


def folds(steps, count=5):
    rows = [
        {
            "fold": fold,
            "patient": f"p{fold}{number}",
            "dice": dice,
            "hd95_mm": 4.0,
            "lv_ef_error": 2.0,
            "rv_ef_error": None,
        }
        for fold in range(1, count + 1)
        for number, dice in enumerate((0.9, 0.78))
    ]
    return {
        "command": "C",
        "configuration": "net",
        "steps": steps,
        "usual_steps": 100,
        "precisions": ["bfloat16"],
        "patients": rows,
    }


@pytest.fixture(scope="module")
def folds_script(script):  # noqa: ARG001
    return importlib.import_module("validation_folds")


def test_the_cross_validation_has_a_row_per_fold_and_one_of_all(folds_script):
    text = folds_script.folds_section(folds(100))
    assert "| 1 | 2 | 0.840 ± 0.085 | 4.00 ± 0.00 | 2.0 | +2.0 | – | – | 1 |" in text
    assert "| all | 10 | 0.840 ± 0.063 | 4.00 ± 0.00 | 2.0 | +2.0 | – | – | 5 |" in text
    assert "The first fold is the file that ships" in unwrapped(text)
    assert "100 steps in bfloat16" in unwrapped(text)


def test_errors_that_some_patients_do_not_have_say_of_how_many_they_are(folds_script):
    content = folds(100)
    content["patients"][0] |= {"dice": 0.0, "lv_ef_error": None}
    text = folds_script.folds_section(content)
    assert "| 1 | 2 | 0.390 ± 0.552 | 4.00 ± 0.00 | 2.0 (1) | +2.0 (1) | – | – | 2 |" in text
    assert "2.0 (9) |" in text


def test_the_model_that_ships_is_named_only_where_it_is_among_the_folds(folds_script):
    content = folds(100)
    content["patients"] = [row for row in content["patients"] if row["fold"] != 1]
    assert "file that ships" not in unwrapped(folds_script.folds_section(content))


def test_fewer_steps_and_fewer_folds_are_said(folds_script):
    text = unwrapped(folds_script.folds_section(folds(50, count=2)))
    assert "50 steps in bfloat16 instead of 100" in text
    assert "for 2 of 5 folds" in text
