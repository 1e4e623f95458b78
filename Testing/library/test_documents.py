"""Claims about the documentation: no dead link, nothing left to fill in, the README's figures are the measured ones."""

import json
import re
import statistics
from pathlib import Path

import pytest

from CardioSAMLib.resources import DEFAULT_MODEL_ID

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_left_to_fill_in(page):
    assert not re.findall(r"\{[A-Z_]{3,}\}", page.read_text(encoding="utf-8"))


def test_the_accuracy_in_the_readme_and_the_catalogue_is_the_validated_one():
    validation = json.loads((ROOT / "docs" / "validation.json").read_text(encoding="utf-8"))
    models = json.loads((ROOT / "Resources" / "Models" / "models.json").read_text(encoding="utf-8"))["models"]
    card = next(model for model in models if model["id"] == DEFAULT_MODEL_ID)
    summary = validation["summary"]
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert validation["evaluation"]["model"]["sha256"] == card["sha256"]
    for name, value in summary.items():
        assert card["accuracy"][name] == pytest.approx(value, abs=1e-4)
    assert f"mean Dice {summary['mean_dice']:.3f}" in readme
    assert f"{summary['LV_ef_mae_points']:.1f} points (LV)" in readme
    assert f"{summary['RV_ef_mae_points']:.1f} points (RV)" in readme


def test_the_cross_validation_in_the_readme_is_the_measured_one():
    patients = json.loads((ROOT / "docs" / "cross-validation.json").read_text(encoding="utf-8"))["patients"]
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    dice, hd95_mm, lv, rv = (
        statistics.fmean(abs(row[key]) for row in patients if row[key] is not None)
        for key in ("dice", "hd95_mm", "lv_ef_error", "rv_ef_error")
    )
    said = f"{len(patients)} patients: {dice:.3f}, {hd95_mm:.1f} mm, {lv:.1f} and {rv:.1f} points"
    assert f"Its first training in cross-validation, {said}" in readme
