"""Claims about the spine, run whole: files in, the default model, numbers and files out."""

import json

import pytest

from CardioSAMLib.analysis import AnalysisOptions, analyze, read, segment
from CardioSAMLib.cine import Cine, Patient, UnusableInput
from CardioSAMLib.function import MeasureOptions
from CardioSAMLib.io import DicomLayout, write_dicom, write_nifti
from CardioSAMLib.labels import CineSegmentation, Provenance
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.progress import Cancelled

OUTPUTS = {
    "contours.png", "curves.csv", "curves.png", "measurements.csv", "measurements.json", "report.html",
    "segmentation.nii.gz",
}  # fmt: skip


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(frames=6, slices=8, spacing_mm=(1.6, 1.6, 12.0), rows=160, columns=160))


@pytest.fixture(scope="module")
def nifti(phantom, tmp_path_factory):
    path = tmp_path_factory.mktemp("nifti") / "cine.nii.gz"
    write_nifti(phantom.cine, path)
    return path


class TruthSegmenter:
    """Gives the phantom's own labels and remembers what it was asked for."""

    def __init__(self, phantom):
        self._labels = phantom.segmentation.labels
        self.asked = []

    def segment(self, cine, frames, _progress=None):
        self.asked.append((cine.pixels.shape, tuple(frames)))
        first = max(self._labels.shape[1] // 2 - 1, 0) if cine.slices < self._labels.shape[1] else 0
        labels = self._labels[:, first : first + cine.slices] if first else self._labels
        return CineSegmentation(labels.copy(), tuple(sorted(frames)), Provenance("truth"))


def test_a_phantom_is_measured_right_and_every_output_is_written(phantom, nifti, tmp_path):
    result = analyze(nifti, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == OUTPUTS == {path.name for path in result.outputs}
    lv, rv = result.study.function.lv, result.study.function.rv
    assert lv.ef_percent == pytest.approx(phantom.truth.lv.ef_percent, abs=4.0)
    assert lv.edv_ml == pytest.approx(phantom.truth.lv.edv_ml, rel=0.07)
    assert rv.edv_ml == pytest.approx(phantom.truth.rv.edv_ml, rel=0.10)
    measurements = json.loads((tmp_path / "out" / "measurements.json").read_text())
    assert measurements["lv"]["edv_ml"] == pytest.approx(lv.edv_ml, abs=0.01)


def test_dicom_and_nifti_of_one_heart_give_the_same_numbers(phantom, nifti, tmp_path):
    write_dicom(phantom.cine, tmp_path / "dicom", DicomLayout.SERIES_PER_SLICE)
    options = AnalysisOptions(measuring=MeasureOptions(ed_frame=0, es_frame=2), frames="ed-es")
    of_dicom = analyze(tmp_path / "dicom", tmp_path / "a", options).study.function
    of_nifti = analyze(nifti, tmp_path / "b", options).study.function
    assert of_dicom.lv.edv_ml == pytest.approx(of_nifti.lv.edv_ml, rel=0.01)
    assert of_dicom.lv.ef_percent == pytest.approx(of_nifti.lv.ef_percent, abs=0.5)


def test_ed_es_looks_at_three_slices_of_all_frames_and_then_at_two_frames(phantom):
    segmenter = TruthSegmenter(phantom)
    segmentation = segment(phantom.cine, segmenter, AnalysisOptions(frames="ed-es"))
    assert segmenter.asked[0] == ((6, 3, 160, 160), tuple(range(6)))
    assert segmenter.asked[1][0] == phantom.cine.pixels.shape
    assert segmentation.segmented_frames == tuple(sorted((phantom.truth.ed_frame, phantom.truth.es_frame)))


def test_frames_the_user_names_are_the_only_ones_segmented(phantom):
    segmenter = TruthSegmenter(phantom)
    options = AnalysisOptions(frames="ed-es", measuring=MeasureOptions(ed_frame=1, es_frame=4))
    assert segment(phantom.cine, segmenter, options).segmented_frames == (1, 4)
    assert len(segmenter.asked) == 1


def test_patient_values_of_the_user_replace_those_of_the_file(nifti, tmp_path):
    patient = Patient(height_cm=180.0, weight_kg=80.0, sex="M")
    options = AnalysisOptions(patient=patient, frames="ed-es", measuring=MeasureOptions(ed_frame=0, es_frame=2))
    function = analyze(nifti, tmp_path / "out", options).study.function
    assert function.bsa_m2 == pytest.approx(2.0)  # Mosteller: sqrt(180 * 80 / 3600)
    assert function.lv.edv_index_ml_m2 == pytest.approx(function.lv.edv_ml / 2.0)


def test_the_user_can_give_the_heart_rate_that_the_file_lacks(nifti):
    assert read(nifti, AnalysisOptions()).heart_rate_bpm is None
    assert read(nifti, AnalysisOptions(heart_rate_bpm=70.0)).heart_rate_bpm == 70.0


def test_a_stop_in_the_middle_writes_nothing(nifti, tmp_path):
    def stop_late(fraction, _message):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        analyze(nifti, tmp_path / "out", progress=stop_late)
    assert not (tmp_path / "out").exists()


def test_unusable_input_writes_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnusableInput):
        analyze(tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unusable_output_folder_is_noticed_before_the_work(nifti, tmp_path):
    (tmp_path / "file").write_text("")
    seen = []
    with pytest.raises(UnusableInput, match="give a folder"):
        analyze(nifti, tmp_path / "file" / "out", progress=lambda *step: seen.append(step))
    assert not seen


def test_a_single_frame_has_volumes_but_no_ejection_fraction(phantom, tmp_path):
    still = Cine(phantom.cine.pixels[:1], phantom.cine.geometry)
    write_nifti(still, tmp_path / "still.nii.gz")
    study = analyze(tmp_path / "still.nii.gz", tmp_path / "out").study
    assert study.function.lv.edv_ml == pytest.approx(phantom.truth.lv.edv_ml, rel=0.07)
    assert study.function.lv.ef_percent is None
    assert study.notes
