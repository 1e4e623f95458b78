"""Timings of scoring (floor 4): all metrics of a frame, beside other libraries in the same run, and a whole patient."""

from __future__ import annotations

import importlib.metadata
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from CardioSAMLib.bench_libraries import LIBRARIES, Library, Scorer
from CardioSAMLib.cine import Array, Geometry, UnusableInput
from CardioSAMLib.evaluation.html_parts import number
from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import metrics_for
from CardioSAMLib.evaluation.scores import Phase
from CardioSAMLib.evaluation.scoring import LabeledStudy, score_slices, score_volumes
from CardioSAMLib.io import load_acdc_patient
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.phantom import PhantomOptions, phantom_labels, phantom_truth
from CardioSAMLib.progress import Progress, silent

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_REPEATS = 9
_PACKAGES = ("numpy", "scipy", "torch", *(library.package for library in LIBRARIES))


@dataclass(frozen=True)
class LibraryTiming:
    """Another library and ours, taken in turns, on the metrics that both have.

    metrics: how many these are. ratio: ms / ours_ms; both None where the library is not installed.
    """

    metrics: int
    ms: float | None
    ours_ms: float
    ratio: float | None


@dataclass(frozen=True)
class FrameTiming:
    """All structures at end-diastole against a prediction that was made of them.

    metrics: how many we have in 3D. ms: for all of them. libraries: others, by name.
    """

    prediction: str
    metrics: int
    ms: float
    libraries: dict[str, LibraryTiming]


@dataclass(frozen=True)
class PatientTiming:
    """All metrics of all structures at both phases, of the volumes (3D) and of every slice (2D)."""

    volumes_ms: float
    slices_ms: float
    patients_per_minute: float


@dataclass(frozen=True)
class MetricTimings:
    """Medians of so many repeats, on one core. shape: slices, rows, columns. versions: None where not installed."""

    source: str
    shape: tuple[int, ...]
    structures: int
    repeats: int
    versions: dict[str, str | None]
    frames: tuple[FrameTiming, ...]
    patient: PatientTiming


def measure_metrics(input_path: Path | None, progress: Progress = silent) -> MetricTimings:
    """Scores the labels of an ACDC patient folder, or the phantom's, against the same labels changed, on one core.

    Raises UnusableInput where the folder is no such folder or has no labels.
    """
    progress(0.0, "reading the labels")
    study = _study(input_path)
    references = _structures(study)
    row_mm, column_mm, slice_mm = study.geometry.spacing_mm
    frames = []
    scorers = {library: library.scorer() for library in LIBRARIES}
    for step, (name, change) in enumerate(_CHANGES.items()):
        progress(0.1 + 0.2 * step, name)
        masks = [(mask, change(mask)) for mask in references]
        frames.append(_frame_timing(name, _pair_maker(masks, (slice_mm, row_mm, column_mm)), scorers))
    progress(0.1 + 0.2 * len(_CHANGES), "a whole patient")
    patient = _patient_timing(study)
    versions = {package: _version(package) for package in _PACKAGES}
    return MetricTimings(
        study.patient, references[0].shape, len(references), _REPEATS, versions, tuple(frames), patient
    )


def as_json(timings: MetricTimings) -> str:
    """The timings by the names of their fields."""
    return json.dumps(asdict(timings), indent=1) + "\n"


def bench_parts(timings: MetricTimings) -> tuple[Table | Text, ...]:
    """The timings for the terminal: a table of the frame, and a line on the patient."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    size = " x ".join(map(str, timings.shape))
    table = Table(
        # As Text: the name of a folder may hold square brackets, which are markup to rich.
        title=Text(f"{timings.source}, end-diastole: {timings.structures} structures, {size} voxels; ms on one core"),
        caption="ratio: to CardioSAM's time for the metrics that the other library has",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        collapse_padding=True,
        show_edge=False,
        pad_edge=False,
    )
    table.add_column("prediction")
    table.add_column(f"CardioSAM,\n{timings.frames[0].metrics} metrics", justify="right", no_wrap=True)
    for name, library in timings.frames[0].libraries.items():
        table.add_column(f"{name},\n{library.metrics} metrics", justify="right", no_wrap=True)
        table.add_column("ratio", justify="right", no_wrap=True)
    for frame in timings.frames:
        others = (cell for other in frame.libraries.values() for cell in (number(other.ms, 0), number(other.ratio, 1)))
        table.add_row(frame.prediction, f"{frame.ms:.0f}", *others)
    patient = timings.patient
    line = (
        f"Whole patient: volumes {patient.volumes_ms:.0f} ms, slices {patient.slices_ms:.0f} ms; "
        f"{patient.patients_per_minute:.0f} patients scored per minute."
    )
    return table, Text(line)


def _study(input_path: Path | None) -> LabeledStudy:
    """Reference labels of both phases, and as a prediction the same, shifted."""
    if input_path is None:
        options = PhantomOptions()
        truth, labels = phantom_truth(options), phantom_labels(options)
        name, geometry, pair = "phantom", Geometry(options.spacing_mm), labels[[truth.ed_frame, truth.es_frame]]
    else:
        patient = load_acdc_patient(input_path)
        if patient.labels is None:
            raise UnusableInput(
                f"{input_path} has no reference labels of both frames (_gt files); give a patient folder that has them."
            )
        name, geometry, pair = patient.name, patient.cine.geometry, patient.labels
    reference = dict(zip(Phase, pair, strict=True))
    predicted = {phase: _shifted(labels) for phase, labels in reference.items()}
    return LabeledStudy(name, "", predicted, reference, geometry)


def _structures(study: LabeledStudy) -> list[Array]:
    """Those that there are at end-diastole, bool `(slices, rows, columns)`: not every library takes empty masks."""
    labels = study.reference[Phase.ED]
    masks = [labels == STORAGE.value_of(structure) for structure in Structure]
    drawn = [mask for mask in masks if mask.any()]
    if not drawn:
        raise UnusableInput(f"The labels of {study.patient} at end-diastole are empty; give another patient.")
    return drawn


def _shifted(mask: Array) -> Array:
    return np.roll(mask, (2, 1), axis=(1, 2))


def _grown(mask: Array) -> Array:
    return np.asarray(ndimage.binary_dilation(mask, np.ones((1, 3, 3), bool)))


def _with_outliers(mask: Array) -> Array:
    """The worst case for a box around both masks: it is the whole grid."""
    changed = _shifted(mask)
    changed[0, 0, 0] = changed[-1, -1, -1] = True
    return changed


_CHANGES: Mapping[str, Callable[[Array], Array]] = {
    "shifted by 2 rows and 1 column": _shifted,
    "grown by 1 pixel": _grown,
    "shifted, and a voxel in two corners of the grid": _with_outliers,
}


def _pair_maker(masks: list[tuple[Array, Array]], spacing_mm: tuple[float, ...]) -> Callable[[], list[MaskPair]]:
    """New pairs at each call: a pair keeps what it has computed."""
    return lambda: [MaskPair(reference, prediction, spacing_mm) for reference, prediction in masks]


def _frame_timing(
    name: str, pairs_of: Callable[[], list[MaskPair]], scorers: Mapping[Library, Scorer | None]
) -> FrameTiming:
    keys = tuple(metric.key for metric in metrics_for(3))
    (alone_ms,) = _medians_ms(lambda: _our_scores(pairs_of(), keys))
    libraries = {library.name: _library_timing(library, scorer, pairs_of) for library, scorer in scorers.items()}
    return FrameTiming(name, len(keys), alone_ms, libraries)


def _library_timing(library: Library, scorer: Scorer | None, pairs_of: Callable[[], list[MaskPair]]) -> LibraryTiming:
    def ours() -> object:
        return _our_scores(pairs_of(), library.keys)

    if scorer is None:
        return LibraryTiming(len(library.keys), None, _medians_ms(ours)[0], None)
    ms, ours_ms = _medians_ms(lambda: scorer(pairs_of()), ours)
    return LibraryTiming(len(library.keys), ms, ours_ms, ms / ours_ms)


def _our_scores(pairs: list[MaskPair], keys: tuple[str, ...]) -> list[float]:
    return [metric.function(pair) for pair in pairs for metric in metrics_for(3) if metric.key in keys]


def _patient_timing(study: LabeledStudy) -> PatientTiming:
    volumes_ms, slices_ms = _medians_ms(lambda: score_volumes(study), lambda: score_slices(study))
    return PatientTiming(volumes_ms, slices_ms, 60_000.0 / (volumes_ms + slices_ms))


def _medians_ms(*works: Callable[[], object]) -> list[float]:
    """Of each work, taken in turn, so that a busy machine slows all alike; the first round warms up and is left out."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(_REPEATS + 1):
        for work, taken in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return [1000.0 * statistics.median(taken[1:]) for taken in seconds]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
