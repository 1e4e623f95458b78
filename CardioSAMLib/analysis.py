"""The spine (floor 3): a cine in, a checked and written study out. Every step is done by a room of floor 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from CardioSAMLib.cine import Cine, Patient
from CardioSAMLib.function import (
    MeasureOptions,
    check_named_frames,
    end_diastole_and_end_systole,
    measure,
    volumes_ml,
)
from CardioSAMLib.io import check_writable, load_cine
from CardioSAMLib.labels import CineSegmentation, Structure
from CardioSAMLib.progress import Progress, part_of, silent
from CardioSAMLib.quality import check
from CardioSAMLib.report import Study, write_outputs
from CardioSAMLib.resources import DEFAULT_MODEL_ID, ModelCard, find_model
from CardioSAMLib.segmentation import Segmenter, segmenter_of


@dataclass(frozen=True)
class AnalysisOptions:
    """What a user may choose. series: key of a candidate of `io.list_cines`, where a folder holds several.

    frames: all of them, or only end-diastole and end-systole. patient, heart_rate_bpm: values that are not None
    replace the file's. measuring: frames given by the user and the body surface formula. title: what the outputs call
    the study; "" takes the name of the output folder, never a patient's name.
    """

    model_id: str = DEFAULT_MODEL_ID
    frames: Literal["all", "ed-es"] = "all"
    series: str | None = None
    patient: Patient = field(default_factory=Patient)
    heart_rate_bpm: float | None = None
    measuring: MeasureOptions = field(default_factory=MeasureOptions)
    title: str = ""


@dataclass(frozen=True)
class StudyResult:
    """An analyzed study and the files written for it."""

    study: Study
    outputs: tuple[Path, ...]

    @property
    def failed(self) -> bool:
        """Whether a quality check failed, so that the numbers must not be used unseen."""
        return any(note.severity == "error" for note in self.study.notes)


def analyze(
    path: Path, out_dir: Path, options: AnalysisOptions | None = None, progress: Progress = silent
) -> StudyResult:
    """Reads a cine, segments and measures it, and writes all outputs (`report.OUTPUTS`) into `out_dir`.

    Raises UnusableInput, with nothing written, if the input, the options or the folder cannot be used.
    """
    options = options or AnalysisOptions()
    options = replace(options, title=options.title or out_dir.resolve().name)
    check_writable(out_dir)
    card = find_model(options.model_id)
    segmenter = segmenter_of(card)
    progress(0.0, "reading")
    cine = read(path, options)
    check_named_frames(options.measuring, np.arange(cine.frames))
    segmentation = segment(cine, segmenter, options, part_of(progress, 0.1, 0.85))
    progress(0.85, "measuring")
    study = assess(cine, segmentation, card, options)
    outputs = write_outputs(study, out_dir, part_of(progress, 0.85, 1.0))
    return StudyResult(study, outputs)


def read(path: Path, options: AnalysisOptions) -> Cine:
    """The cine, with the patient's values and the heart rate that the user gave."""
    return completed(load_cine(path, options.series), options)


def completed(cine: Cine, options: AnalysisOptions) -> Cine:
    """A cine with the patient's values and the heart rate that the user gave."""
    given = {key: value for key, value in vars(options.patient).items() if value is not None}
    cine = replace(cine, patient=replace(cine.patient, **given))
    return cine if options.heart_rate_bpm is None else replace(cine, heart_rate_bpm=options.heart_rate_bpm)


def segment(
    cine: Cine, segmenter: Segmenter, options: AnalysisOptions, progress: Progress = silent
) -> CineSegmentation:
    """The contours of the frames that the options ask for."""
    if options.frames == "all" or cine.frames <= 2:
        return segmenter.segment(cine, range(cine.frames), progress)
    given = (options.measuring.ed_frame, options.measuring.es_frame)
    if given[0] is not None and given[1] is not None:
        return segmenter.segment(cine, (given[0], given[1]), progress)
    return segmenter.segment(cine, _key_frames(cine, segmenter, options, part_of(progress, 0.0, 0.6)), progress)


def assess(cine: Cine, segmentation: CineSegmentation, card: ModelCard | None, options: AnalysisOptions) -> Study:
    """Measurements and quality notes of a segmented cine. card: the model that drew the contours, if one did."""
    function = measure(cine, segmentation, options.measuring)
    report = check(cine, segmentation, function, options.measuring.excluded)
    settings = {
        "Frames": f"{len(segmentation.segmented_frames)} of {cine.frames} segmented",
        "Body surface area": function.bsa_formula.replace("-", " ").title(),
        "Papillary muscles": "in the blood pool",  # the convention of the labels the models learned from
    }
    return Study(options.title or cine.source, cine, segmentation, function, report.notes, card, settings)


def _key_frames(cine: Cine, segmenter: Segmenter, options: AnalysisOptions, progress: Progress) -> Sequence[int]:
    """End-diastole and end-systole, found on the three middle slices of all frames."""
    first = max(cine.slices // 2 - 1, 0)
    middle = slice(first, first + 3)
    positions = cine.geometry.slice_offsets_mm(cine.slices)[middle]
    geometry = replace(cine.geometry, slice_positions_mm=tuple(positions - positions[0]))
    part = replace(cine, pixels=np.asarray(cine.pixels[:, middle]), geometry=geometry, notes=())
    labels = segmenter.segment(part, range(cine.frames), progress).labels
    lv_ml = volumes_ml(labels, Structure.LV, geometry)
    return sorted(set(end_diastole_and_end_systole(lv_ml, options.measuring, np.arange(cine.frames))))
