"""Timings of one run (floor 4): seconds per stage, and a yardstick measured in the same process."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from CardioSAMLib.cine import Array, Cine
from CardioSAMLib.evaluation.html_parts import number
from CardioSAMLib.peak_memory import highest_rss_mb
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.resources import find_model

if TYPE_CHECKING:
    from rich.table import Table

_VIT_B_SLICES = 2
_VIT_B_PX = 1024

Result = TypeVar("Result")


@dataclass(frozen=True)
class AnalysisTimings:
    """stages_s: seconds of read, segment, measure and report. images: slices times frames.

    peak_rss_mb: highest memory of the process up to the report; None where the system does not tell.
    ratio_to_vit_b_1024: seconds per image of the segment stage divided by those of SAM's ViT-B image encoder at 1024
    pixels, both in this process; None where torch and segment-anything are not installed.
    """

    stages_s: dict[str, float]
    images: int
    images_per_s: float
    peak_rss_mb: float | None
    ratio_to_vit_b_1024: float | None


def measure_analysis(input_path: Path | None, model_id: str, progress: Progress = silent) -> AnalysisTimings:
    """Analyzes a study once, stage by stage, into a folder that is thrown away. None: the phantom, as DICOM files."""
    with tempfile.TemporaryDirectory() as folder:
        if input_path is None:
            progress(0.0, "making the phantom")
            input_path = _phantom_files(Path(folder) / "dicom")
        cine, stages_s = _timed_stages(input_path, Path(folder) / "out", model_id, progress)
    images = cine.frames * cine.slices
    peak_rss_mb = highest_rss_mb()
    progress(0.6, f"SAM ViT-B at {_VIT_B_PX} pixels, for comparison")
    vit_b_s = _vit_b_seconds_per_image(cine)
    ratio = stages_s["segment"] / images / vit_b_s if vit_b_s else None
    return AnalysisTimings(stages_s, images, images / sum(stages_s.values()), peak_rss_mb, ratio)


def as_json(timings: AnalysisTimings) -> str:
    """The timings by the names of their fields."""
    return json.dumps(asdict(timings), indent=2) + "\n"


def bench_table(timings: AnalysisTimings) -> Table:
    """The timings for the terminal."""
    from rich.table import Table

    table = Table(title=f"{timings.images} images, {timings.images_per_s:.1f} images per second")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for stage, seconds in timings.stages_s.items():
        table.add_row(stage, f"{seconds:.2f}")
    table.add_row("in all", f"{sum(timings.stages_s.values()):.2f}", style="bold")
    table.add_row("peak memory, MB", number(timings.peak_rss_mb, 0))
    table.add_row(f"segment / SAM ViT-B {_VIT_B_PX}", number(timings.ratio_to_vit_b_1024, 4))
    return table


def _timed_stages(path: Path, out: Path, model_id: str, progress: Progress) -> tuple[Cine, dict[str, float]]:
    from CardioSAMLib import analysis
    from CardioSAMLib.report import write_outputs
    from CardioSAMLib.segmentation import segmenter_of

    card, options = find_model(model_id), analysis.AnalysisOptions(model_id)
    stages_s: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Result]) -> Result:
        progress(0.1 + 0.1 * len(stages_s), stage)
        start = time.perf_counter()
        result = work()
        stages_s[stage] = time.perf_counter() - start
        return result

    cine = timed("read", lambda: analysis.read(path, options))
    contours = timed("segment", lambda: analysis.segment(cine, segmenter_of(card), options))
    study = timed("measure", lambda: analysis.assess(cine, contours, card, options))
    timed("report", lambda: write_outputs(study, out))
    return cine, stages_s


def _phantom_files(folder: Path) -> Path:
    from CardioSAMLib.io import DicomLayout, write_dicom
    from CardioSAMLib.phantom import make_phantom

    write_dicom(make_phantom().cine, folder, DicomLayout.SERIES_PER_SLICE)
    return folder


def _vit_b_seconds_per_image(cine: Cine) -> float | None:
    """Seconds per slice of the official ViT-B image encoder at its own input size; random weights serve for speed."""
    try:
        import torch
        from segment_anything import sam_model_registry
        from segment_anything.utils.transforms import ResizeLongestSide
    except ImportError:
        return None
    sam = sam_model_registry["vit_b"]().eval()
    resize = ResizeLongestSide(_VIT_B_PX)
    images = [_as_rgb(cine.pixels[0, number]) for number in np.linspace(0, cine.slices - 1, _VIT_B_SLICES).astype(int)]
    with torch.inference_mode():
        start = time.perf_counter()
        for image in images:
            scaled = torch.as_tensor(resize.apply_image(image)).permute(2, 0, 1)[None]
            sam.image_encoder(sam.preprocess(scaled))
    return (time.perf_counter() - start) / len(images)


def _as_rgb(plane: Array) -> Array:
    """A slice as SAM takes it: 0-255, gray in three channels."""
    low, high = float(plane.min()), float(plane.max())
    gray = np.round((plane - low) * (255.0 / max(high - low, 1e-6))).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=-1)
