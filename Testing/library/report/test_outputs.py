import re
from dataclasses import replace

import pytest

from CardioSAMLib.cine import Geometry
from CardioSAMLib.progress import Cancelled
from CardioSAMLib.report import OUTPUTS, write_outputs

# As in README.md.
PROMISED = [
    "measurements.json",
    "measurements.csv",
    "segmentation.nii.gz",
    "curves.csv",
    "curves.png",
    "contours.png",
    "report.html",
]


def test_every_promised_file_is_written_and_nothing_else(study, tmp_path):
    paths = write_outputs(study, tmp_path / "out")
    assert [path.name for path in paths] == PROMISED
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(PROMISED)
    assert all(path.stat().st_size > 0 for path in paths)


def test_one_frame_of_one_slice_without_right_ventricle_is_written_too(bare_study, tmp_path):
    assert len(write_outputs(bare_study, tmp_path)) == len(PROMISED)


def test_twenty_unequal_slices_are_written_too(make_study, tmp_path):
    positions = (*(8.0 * number for number in range(19)), 200.0)
    study = make_study(slices=20, geometry=Geometry((1.5, 1.25, 8.0), slice_positions_mm=positions))
    write_outputs(study, tmp_path)
    assert "8 mm apart" in (tmp_path / "measurements.json").read_text(encoding="utf-8")


def test_progress_grows_from_0_to_1(study, tmp_path):
    fractions = []
    write_outputs(study, tmp_path, lambda fraction, _message: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("stop_at", range(len(OUTPUTS)))
def test_cancelling_at_any_file_leaves_the_old_ones(study, tmp_path, stop_at):
    (tmp_path / "measurements.json").write_text("old")

    def cancel(fraction: float, _message: str) -> None:
        if fraction * len(OUTPUTS) > stop_at - 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_outputs(study, tmp_path, cancel)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"measurements.json": "old"}


def test_a_writer_that_fails_leaves_no_folder(study, tmp_path):
    broken = replace(study, function=replace(study.function, lv=replace(study.function.lv, edv_ml=float("nan"))))
    with pytest.raises(ValueError, match="JSON"):
        write_outputs(broken, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_title_does_not_reach_a_file_name(make_study, tmp_path):
    write_outputs(make_study(title="Doe^Jane"), tmp_path)
    assert not any(re.search("doe|jane", path.name, re.IGNORECASE) for path in tmp_path.iterdir())
