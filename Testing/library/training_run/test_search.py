"""Claims about the command from data to loss weights and rates."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.resources import sha256_of
from CardioSAMLib.training.search import LOG
from CardioSAMLib.training_run.search import SearchOptions, run_search


def options_of(folder, out, **changes):
    return SearchOptions(str(folder / "short.toml"), folder / "data", out, **{"searcher": "random", **changes})


def test_the_command_tells_the_best_values_and_writes_them(folder, tmp_path):
    arguments = ["search", folder / "short.toml", "--data", folder / "data", "--out", tmp_path, "--evaluations", "3"]
    done = subprocess.run(
        [sys.executable, "-m", "CardioSAMLib.cli", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Best of 3: objective" in done.stdout
    assert "[optimizer]\nlearning_rate = " in done.stdout
    written = json.loads((tmp_path / "search.json").read_text())
    assert (written["searcher"], written["evaluations"]) == ("pso", 3)
    assert set(written["best"]["details"]) == {"dice", "hd95_mm"}


def test_the_encoder_can_be_one_of_a_file(folder, small_sam, tmp_path):
    text = (folder / "short.toml").read_text().replace('encoder = "cardiosam-unet25d"', 'normalization = "sam"')
    (tmp_path / "sam.toml").write_text(text)
    shutil.copy(folder / "split.json", tmp_path)
    out = tmp_path / "out"
    options = SearchOptions(str(tmp_path / "sam.toml"), folder / "data", out, "random", 1)
    with pytest.raises(UnusableInput, match="give a SAM or MedSAM file with --checkpoint"):
        run_search(options)
    run_search(replace(options, checkpoint=small_sam))
    assert json.loads((out / "search.json").read_text())["encoder"]["sha256"] == sha256_of(small_sam)


def test_distances_take_the_slice_interval_of_the_patient(folder, tmp_path):
    """Nothing is drawn after two steps: 4 slices 20 mm apart of 32 pixels of 4 mm have a diagonal of 198.0 mm."""
    found = run_search(options_of(folder, tmp_path, evaluations=1))
    missed = found.evaluations[0].details
    assert missed["dice"] == 0.0
    assert missed["hd95_mm"] == pytest.approx(np.sqrt(80.0**2 + 2 * 128.0**2))


def test_a_search_that_is_given_more_evaluations_goes_on(folder, tmp_path):
    first = run_search(options_of(folder, tmp_path, evaluations=2)).evaluations
    then = run_search(options_of(folder, tmp_path, evaluations=3)).evaluations
    assert then[:2] == first
    assert len((tmp_path / LOG).read_text().splitlines()) == 4


def test_a_folder_of_another_searcher_is_refused(folder, tmp_path):
    run_search(options_of(folder, tmp_path, evaluations=1))
    with pytest.raises(UnusableInput, match="another search"):
        run_search(options_of(folder, tmp_path, evaluations=2, searcher="pso"))


@pytest.mark.parametrize(
    ("changes", "word"), [({"searcher": "grid"}, "pso, random, tpe"), ({"evaluations": 0}, "one or more")]
)
def test_what_cannot_be_searched_is_refused_before_anything_is_read(folder, tmp_path, changes, word):
    with pytest.raises(UnusableInput, match=word):
        run_search(options_of(folder, tmp_path / "out", **changes))
    assert not (tmp_path / "out").exists()


def test_patients_that_trained_the_encoder_do_not_validate(folder, tmp_path):
    turned = tmp_path / "turned.toml"
    turned.write_text((folder / "short.toml").read_text())
    (tmp_path / "split.json").write_text('{"train": ["patient003"], "validation": ["patient001"]}')
    with pytest.raises(UnusableInput, match="trained on 1 of the validation patients"):
        run_search(SearchOptions(str(turned), folder / "data", tmp_path / "out", searcher="random"))


def test_several_processes_are_refused(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UnusableInput, match="in one process only"):
        run_search(options_of(folder, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["phantom", "cardiosam-prompt", "unet31"])
def test_a_configuration_without_a_frozen_encoder_is_refused(folder, tmp_path, name):
    with pytest.raises(UnusableInput, match="cannot be searched"):
        run_search(SearchOptions(name, folder / "data", tmp_path))
