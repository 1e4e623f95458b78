"""One study that is open for reading: its contours (`ContourSession`), its measurements, and what leaves it.

This is what the panel's buttons and Slicer's Python console call. Main thread only, but for what the methods named
`..._job` return; see `ContourSession`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from CardioSAMLib.analysis import AnalysisOptions, completed
from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.contour_comparison import ContourComparison
from CardioSAMLib.function import CardiacFunction, check_named_frames, measure, slice_volumes_ml
from CardioSAMLib.io import check_writable
from CardioSAMLib.labels import CineSegmentation, Provenance, Structure
from CardioSAMLib.mrml.charts import show_curves
from CardioSAMLib.mrml.contour_session import ContourSession, Edits, Scope
from CardioSAMLib.mrml.geometry import local_matrix
from CardioSAMLib.mrml.given_values import GivenValues, keep_given_values
from CardioSAMLib.mrml.navigation import go_to, shown_frame
from CardioSAMLib.mrml.segmentations import nodes_of_segmentation, segmentation_of
from CardioSAMLib.mrml.segments import read_labels
from CardioSAMLib.mrml.session_jobs import Job, assess_study, compare_study, export_study
from CardioSAMLib.mrml.tables import show_comparison, show_measurements, show_notes
from CardioSAMLib.progress import silent
from CardioSAMLib.quality import QualityReport
from CardioSAMLib.report import OUTPUTS, Study

__all__ = ["OUTPUT_NAMES", "Edits", "GivenValues", "Scope", "SliceEffect", "StudySession"]

OUTPUT_NAMES = tuple(output.name for output in OUTPUTS)
"""Files that can be exported: measurements.json, segmentation.nii.gz, report.html, ..."""


@dataclass(frozen=True)
class SliceEffect:
    """What a slice adds to the volumes of a frame, in mL, if it is counted (`included`)."""

    slice_number: int
    lv_ml: float
    myo_ml: float
    rv_ml: float
    included: bool


class StudySession(ContourSession):
    """A study of the scene with its contours, measurements, quality notes, and files."""

    _assessed: Study | None = None

    # Measuring

    @property
    def assessed(self) -> Study | None:
        """The study as last assessed: measurements, notes, contours. None before the first `refresh`."""
        return self._assessed

    def assess_job(self) -> Job[Study]:
        """Measures and checks the contours as they are now, with the reader's choices.

        Raises UnusableInput where there are no contours.
        """
        return partial(assess_study, self._completed_cine(), self.segmentation, self._options())

    def forget_assessment(self) -> None:
        """For when there is nothing to measure any more: numbers must not outlive their contours."""
        self._assessed = None

    def take_assessment(self, assessed: Study) -> None:
        """Shows measurements, curves and quality notes in their nodes."""
        self._assessed = assessed
        show_measurements(self.study, assessed.function)
        show_curves(self.study, assessed.function)
        show_notes(self.study, assessed.sorted_notes)

    def refresh(self) -> Study:
        """`assess_job` and `take_assessment` in one, for where a fraction of a second may be waited.

        Raises UnusableInput where there are no contours, or a chosen frame has none.
        """
        assessed = self.assess_job()(silent)
        self.take_assessment(assessed)
        return assessed

    def measure(self) -> CardiacFunction:
        """The measurements of the contours as they are now, with the reader's choices; nothing is shown."""
        return measure(self._completed_cine(), self.segmentation, self.study.measuring)

    @property
    def key_frames(self) -> tuple[int, int | None] | None:
        """End-diastole and end-systole as last assessed; None before that."""
        return None if self._assessed is None else (self._assessed.function.ed_frame, self._assessed.function.es_frame)

    def choose_frames(self, ed_frame: int | None, es_frame: int | None) -> None:
        """Sets end-diastole and end-systole, None: as found. Raises UnusableInput for frames without contours."""
        chosen = replace(self.study.measuring, ed_frame=ed_frame, es_frame=es_frame)
        check_named_frames(chosen, np.asarray(self.segmentation.segmented_frames))
        self.study.measuring = chosen

    def give(self, given: GivenValues) -> None:
        """Heart rate and patient values in place of the files'. Raises UnusableInput for values that cannot be."""
        completed(self.cine, AnalysisOptions(patient=given.patient, heart_rate_bpm=given.heart_rate_bpm))
        keep_given_values(self.study, given)

    def include(self, frame: int, slice_number: int, on: bool) -> None:
        """Counts a slice of a frame in the measurements, or leaves it out."""
        here = {(frame, slice_number)}
        self.study.excluded = self.study.excluded - here if on else self.study.excluded | here

    def slice_effects(self, frame: int) -> tuple[SliceEffect, ...]:
        """What each slice adds to the volumes of a frame, or would add if it were counted."""
        labels = self._labels_of(frame)[np.newaxis]
        lv, myo, rv = (
            slice_volumes_ml(labels, structure, self.cine.geometry)[0].tolist()
            for structure in (Structure.LV, Structure.MYO, Structure.RV)
        )
        excluded = self.study.excluded
        return tuple(SliceEffect(n, lv[n], myo[n], rv[n], (frame, n) not in excluded) for n in range(len(lv)))

    # Looking over

    def quality(self) -> QualityReport:
        """The notes as last assessed, worst first, with frame and slice; none before that."""
        return QualityReport(() if self._assessed is None else self._assessed.sorted_notes)

    def go_to(self, frame: int | None, slice_number: int | None) -> tuple[float, float, float]:
        """Shows a frame and a slice, see `navigation.go_to`."""
        return go_to(self.study, frame, slice_number)

    def compare_job(self, other: Any) -> Job[ContourComparison]:
        """Compares the contours with another segmentation node of the scene: one that plays with the cine, or one
        without frames, whose contours are then those of the frame shown.

        Raises UnusableInput where it has none of our segments.
        """
        return partial(
            compare_study, self._completed_cine(), self.segmentation, self._contours_of(other), self._options()
        )

    def take_comparison(self, comparison: ContourComparison) -> tuple[Any, Any]:
        """Shows a comparison; returns the table nodes of contours and of measurements."""
        return show_comparison(self.study, comparison)

    def _contours_of(self, other: Any) -> CineSegmentation:
        volume = self._volume
        browser = self.study.browser
        if browser is None or browser.GetSequenceNode(other) is not None:
            return segmentation_of(nodes_of_segmentation(other, volume)).segmentation
        shape = self.cine.pixels.shape
        labels = np.zeros(shape, dtype=np.uint8)
        frame = shown_frame(self.study)
        labels[frame] = read_labels(other.GetSegmentation(), local_matrix(volume), shape[1:]).labels
        if not labels.any():
            names = ", ".join(structure.name for structure in Structure)
            raise UnusableInput(f"{other.GetName()} has no contours on this cine in segments of the ids {names}.")
        return CineSegmentation(labels, (frame,), Provenance("expert"))

    # Leaving

    def export_job(self, folder: Path | str, kinds: Collection[str] = OUTPUT_NAMES) -> Job[tuple[Path, ...]]:
        """Measures the study as it is now and writes its files, as `cardiosam analyze` does; the result is their paths.

        kinds: names of files among `OUTPUT_NAMES`. The title of the study is the name of the folder.
        Raises UnusableInput where there are no contours, or the folder cannot be written to.
        """
        check_writable(Path(folder))
        options = self._options(title=Path(folder).resolve().name)
        return partial(export_study, self._completed_cine(), self.segmentation, options, Path(folder), tuple(kinds))
