"""Claims about `cardiosam bench evaluate`: whom it times on what, its table, its JSON, its sentences."""

import json
import sys
import time

import numpy as np
import pytest
import SimpleITK as sitk

from CardioSAMLib import bench_metrics
from CardioSAMLib.bench_metrics import measure_metrics
from CardioSAMLib.cine import Geometry
from CardioSAMLib.cli import main
from CardioSAMLib.evaluation.metrics import METRICS
from CardioSAMLib.evaluation.scores import Phase
from CardioSAMLib.evaluation.scoring import LabeledStudy, score_slices, score_volumes
from CardioSAMLib.phantom import PhantomOptions, phantom_labels

OPTIONS = PhantomOptions(rows=64, columns=64, slices=8, frames=4, spacing_mm=(3.0, 3.0, 12.0))
LIBRARIES = {"MONAI": 10, "surface-distance": 5}

# surface-distance calls what scipy deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")


@pytest.fixture(scope="module")
def pair():
    """Labels at end-diastole and end-systole, uint8 `(2, slices, rows, columns)`."""
    return phantom_labels(OPTIONS)[[0, 1]]


@pytest.fixture
def patient(tmp_path, pair):
    """Writes a patient folder with these labels, or the phantom's; None leaves the label files out."""

    def write(labels=pair):
        folder = tmp_path / "patient007"
        folder.mkdir()
        for frame in (1, 2):
            name = f"patient007_frame{frame:02d}"
            write_volume(folder / f"{name}.nii.gz", pair[frame - 1].astype(np.int16) * 100)
            if labels is not None:
                write_volume(folder / f"{name}_gt.nii.gz", labels[frame - 1])
        (folder / "Info.cfg").write_text("ED: 1\nES: 2\nGroup: NOR\n")
        return folder

    return write


def write_volume(path, volume):
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing((3.0, 3.0, 12.0))
    sitk.WriteImage(image, str(path))


@pytest.fixture
def nothing_else_installed(monkeypatch):
    for module in ("monai", "monai.metrics", "surface_distance"):
        monkeypatch.setitem(sys.modules, module, None)


@pytest.fixture
def run(capsys, monkeypatch):
    """Runs the command in this process on a terminal of 80 columns; exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["cardiosam", "bench", "evaluate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


@pytest.mark.usefixtures("nothing_else_installed")
def test_on_the_phantom_and_without_other_libraries_these_have_dashes(run):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert "phantom, end-diastole: 3 structures, 10 x 216 x 216 voxels" in out
    assert "patients scored per minute" in out
    (line,) = [line for line in out.splitlines() if line.startswith("grown by 1 pixel")]
    milliseconds, *others = line.removeprefix("grown by 1 pixel").split()
    assert int(milliseconds) >= 1
    assert others == ["–"] * 4


def test_the_json_file_has_what_was_timed_and_the_ratios_to_our_time(run, patient, tmp_path):
    pytest.importorskip("monai")
    pytest.importorskip("surface_distance")
    code, out, _ = run(patient(), "--json", tmp_path / "figures" / "timing.json")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    figures = json.loads((tmp_path / "figures" / "timing.json").read_text())
    assert list(figures) == ["source", "shape", "structures", "repeats", "versions", "frames", "patient"]
    assert (figures["source"], figures["shape"], figures["structures"]) == ("patient007", [8, 64, 64], 3)
    assert set(figures["versions"]) == {"numpy", "scipy", "torch", "monai", "surface-distance"}
    assert all(figures["versions"].values())
    assert len(figures["frames"]) == 3
    for frame in figures["frames"]:
        assert list(frame) == ["prediction", "metrics", "ms", "libraries"]
        assert frame["metrics"] == len(METRICS)
        assert {name: timing["metrics"] for name, timing in frame["libraries"].items()} == LIBRARIES
        for timing in frame["libraries"].values():
            assert timing["ratio"] == pytest.approx(timing["ms"] / timing["ours_ms"])
    patient_ms = figures["patient"]["volumes_ms"] + figures["patient"]["slices_ms"]
    assert figures["patient"]["patients_per_minute"] == pytest.approx(60_000 / patient_ms)


@pytest.mark.usefixtures("nothing_else_installed")
def test_times_are_medians_in_milliseconds_and_the_warm_up_does_not_count(patient, monkeypatch):
    def first_one_slow(*_):
        calls.append(0)
        time.sleep(0.2 if len(calls) == 1 else 0.003)

    calls = []
    monkeypatch.setattr(bench_metrics, "score_volumes", first_one_slow)
    timings = measure_metrics(patient())
    assert len(calls) == timings.repeats + 1
    assert 3.0 <= timings.patient.volumes_ms < 200.0


@pytest.mark.usefixtures("nothing_else_installed")
def test_a_structure_that_is_not_there_is_not_timed(patient, pair):
    assert measure_metrics(patient(np.where(pair == 1, 0, pair))).structures == 2


def test_progress_goes_up_and_a_cancelled_run_stops(patient):
    class Cancelled(Exception):
        pass

    def progress(fraction, _message):
        seen.append(fraction)
        if len(seen) == 3:
            raise Cancelled

    seen = []
    with pytest.raises(Cancelled):
        measure_metrics(patient(), progress)
    assert seen == sorted(seen)


def test_our_metrics_take_one_core(pair):
    shifted = np.roll(pair, (2, 1), axis=(2, 3))
    reference, predicted = (dict(zip(Phase, labels, strict=True)) for labels in (pair, shifted))
    study = LabeledStudy("patient007", "", predicted, reference, Geometry(OPTIONS.spacing_mm))
    this_thread, all_threads = time.thread_time(), time.process_time()
    for _ in range(5):
        score_volumes(study)
        score_slices(study)
    this_thread, all_threads = time.thread_time() - this_thread, time.process_time() - all_threads
    assert all_threads < 1.2 * this_thread


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [(None, "patient007 has no reference labels of both frames"), (np.zeros((2, 8, 64, 64), np.uint8), "are empty")],
    ids=["no labels", "empty labels"],
)
def test_a_folder_without_labels_ends_with_2_and_one_sentence(labels, sentence, run, patient, tmp_path):
    code, out, err = run(patient(labels), "--json", tmp_path / "timing.json")
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "timing.json").exists()


def test_a_folder_that_is_no_patient_ends_with_2_and_one_sentence(run, tmp_path):
    code, _, err = run(tmp_path)
    assert code == 2
    assert "holds no Info.cfg" in err
