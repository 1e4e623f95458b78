"""Claims about the page of the refiner's measurement, from figures made up here."""

import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "docs" / "scripts"
GAINS = {"5": (0.01, 0.03), "100": (-0.01, 0.02), "default": (-0.03, -0.01)}


@pytest.fixture
def page(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import refiner_page

    yield refiner_page.page
    del sys.modules["refiner_page"]


def row(coarse, mode, negatives, slices="one", context="predicted", seed=0):
    return {
        "coarse": coarse, "mode": mode, "negatives": negatives, "slices": slices, "context": context, "seed": seed,
        "before": 0.7, "after": 0.72, "gain": 0.02, "gain_interval": GAINS[coarse],
        "structures": {name: [0.7, 0.72] for name in ("RV", "MYO", "LV")}, "objects": 10, "seconds_per_object": 0.25,
    }  # fmt: skip


@pytest.fixture
def result():
    rows = [
        row(coarse, mode, negatives)
        for coarse in GAINS
        for mode in ("literal", "corrected")
        for negatives in ("none", "random", "nppr")
    ]
    rows += [row(coarse, "corrected", "random", slices="all") for coarse in GAINS]
    rows += [row("5", "corrected", "nppr", context="oracle")]
    rows += [row("5", "corrected", negatives, seed=1) for negatives in ("random", "nppr")]
    moved = {"steps": 9.0, "loss_first": 0.3, "loss_last": 0.2, "moved_px": 1.0, "drift_px": 0.5}
    return {
        "command": "COMMAND", "model": {"id": "model", "version": "1"}, "shipped": "automatic", "patients": 20,
        "seeds_at": "5",
        "coarse_training": {"steps": 300, "batch": 8, "seed": 0, "widths": (8, 16)},
        "coarse_patients": {"5": 4, "100": 80}, "settings": rows, "movement": {"literal": moved, "corrected": moved},
    }  # fmt: skip


def test_the_page_says_of_which_models_contours_get_better_worse_and_neither(page, result):
    text = page(result)
    assert "It makes the contours better of the models trained on: 5 %." in text
    assert "It makes those worse of: shipped." in text
    assert "No difference is shown for: 100 %." in text


def test_what_the_model_has_seen_and_what_is_a_leak_stand_on_the_page(page, result):
    text = page(result)
    assert "was trained on all 80 training patients" in text
    assert "a leak, as in the publication" in text


def test_every_row_of_a_table_has_the_columns_of_its_head(page, result):
    width = 0
    for line in page(result).splitlines():
        if line.startswith("|"):
            width = width or line.count("|")
            assert line.count("|") == width, line
        else:
            width = 0
