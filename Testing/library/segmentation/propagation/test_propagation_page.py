"""Claims about docs/propagation.md: its examples run as printed, and it is what its figures give."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from CardioSAMLib.io.write_nifti import write_nifti
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.segmentation.propagation import DEFAULT_METHOD_ID, PROPAGATION_METHODS

DOCS = Path(__file__).resolve().parents[4] / "docs"


@pytest.fixture
def printed():
    return (DOCS / "propagation.md").read_text(encoding="utf-8")


def test_the_examples_run_as_they_are_printed(printed, tmp_path, monkeypatch, capsys):
    phantom = make_phantom(PhantomOptions(rows=150, columns=150, slices=5, frames=5))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARDIOSAM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "study").mkdir()
    write_nifti(phantom.cine, tmp_path / "study" / "cine.nii.gz")
    first, second = re.findall(r"```python\n(.*?)```", printed, re.S)
    names = {}
    exec(first, names)
    found = names["result"].segmentation.labels[:, 2] == 3
    truth = phantom.segmentation.labels[:, 2] == 3
    assert 2 * (found & truth).sum() > 0.8 * (found.sum() + truth.sum())
    exec(second, names)
    assert capsys.readouterr().out.splitlines() == re.findall(r"^print\(.*\)  # (.*)$", second, re.M)
    assert np.array_equal(names["result"].segmentation.labels[3, 2], names["labels"])


@pytest.fixture
def figures():
    return json.loads((DOCS / "propagation.json").read_text(encoding="utf-8"))


def test_the_page_is_made_from_its_figures(printed, figures, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "scripts"))
    sys.modules.pop("propagation_page", None)
    import propagation_page

    assert propagation_page.page(figures) == printed


def test_every_way_is_explained_and_measured_and_the_usual_one_is_the_best_on_new_patients(printed, figures):
    rows = [row for row in figures["rows"] if row["experiment"] == "pair" and row["task"] == "stack"]
    means = {}
    for method in PROPAGATION_METHODS:
        assert f"- `{method}`:" in printed
        own = [row for row in rows if row["method"] == method]
        assert len(own) == 20
        assert not any(row["trained_on"] for row in own)
        means[method] = np.mean([row[f"dice_{name}"] for row in own for name in ("RV", "MYO", "LV")])
    assert max(means, key=means.get) == DEFAULT_METHOD_ID
