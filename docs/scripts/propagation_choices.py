"""Prompts, stop rules and registrations that were tried before the usual ones were chosen; training patients only."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from propagation_study import THREADS, Study, ed_scores, es_scores, prompter_in

from CardioSAMLib.cine import Array
from CardioSAMLib.segmentation import Prompter
from CardioSAMLib.segmentation.propagation import (
    CorrectedFrames,
    PromptedSlices,
    Propagator,
    RegisteredFrames,
    SliceKey,
    propagate,
)
from CardioSAMLib.segmentation.propagation.deformation import deformation
from CardioSAMLib.segmentation.propagation.prompted import FRAME_PROMPTS, SLICE_PROMPTS, MaskPrompts, StopRule

Row = dict[str, Any]

PROMPTS: Mapping[str, MaskPrompts] = {
    "point": MaskPrompts(mask=False, box_margin_px=None, point=True, negatives=False),
    "point, negatives": MaskPrompts(mask=False, box_margin_px=None, point=True, negatives=True),
    "box": MaskPrompts(mask=False, box_margin_px=2.0, point=False, negatives=False),
    "box, point, negatives": MaskPrompts(mask=False, box_margin_px=2.0, point=True, negatives=True),
    "mask": MaskPrompts(mask=True, box_margin_px=None, point=False, negatives=False),
    "mask, box, point, negatives": MaskPrompts(mask=True, box_margin_px=2.0, point=True, negatives=True),
}
STOPS: Mapping[str, StopRule] = {
    f"area below {share:g}, score below {score:g}": StopRule(share, score)
    for share, score in ((0.0, 0.0), (0.1, 0.3), (0.1, 0.4), (0.1, 0.5), (0.1, 0.6), (0.2, 0.4))
}
USUAL_REGISTRATION = "demons, 15 iterations, smoothing 1.5 px"


def tried_prompts(study: Study) -> list[Row]:
    """One middle slice of end-diastole along the stack, by prompts and by stop rules; all slices to end-systole."""
    with tempfile.TemporaryDirectory() as folder:
        prompter = prompter_in(Path(folder))
        rows = []
        for name, prompts in PROMPTS.items():
            slices = PromptedSlices(prompter, study.region, prompts)
            rows.append({"choice": "stack", "name": name, "usual": prompts == SLICE_PROMPTS, **stack(study, slices)})
        for name, stop in STOPS.items():
            slices = PromptedSlices(prompter, study.region, stop=stop)
            rows.append({"choice": "stop", "name": name, "usual": stop == StopRule(), **stack(study, slices)})
        for name, prompts in PROMPTS.items():
            row = {"choice": "cycle", "name": name, "usual": prompts == FRAME_PROMPTS}
            rows.append({**row, **cycle(study, RegisteredFrames(), prompter, prompts)})
    return rows


def tried_registrations(study: Study) -> list[Row]:
    """Settings of the demons, and B-splines: all slices of end-diastole to end-systole around the full cycle."""
    ways: dict[str, Callable[[Array, Array], Array]] = {
        f"demons, {iterations} iterations, smoothing {smoothing:g} px": partial(
            deformation, iterations=iterations, smoothing_px=smoothing
        )
        for iterations, smoothing in ((15, 1.0), (15, 1.5), (15, 2.0), (5, 1.5), (30, 1.5))
    }
    ways["B-spline, mesh 12 px"] = b_spline
    rows = []
    for name, register in ways.items():
        with unprompted() as prompter:
            start = time.process_time()
            scores = cycle(study, RegisteredFrames(register), prompter, None)
        seconds = time.process_time() - start
        usual = name == USUAL_REGISTRATION
        rows.append({"choice": "registration", "name": name, "usual": usual, "seconds": seconds, **scores})
    return rows


def stack(study: Study, slices: PromptedSlices) -> Row:
    segmentation, sources = study.with_sources([study.middle])
    targets = [(study.ed, number) for number in range(study.cine.slices)]
    propagator = Propagator(slices, RegisteredFrames())
    return ed_scores(study, propagate(study.cine, segmentation, sources, targets, propagator).segmentation.labels)


def cycle(study: Study, frames: RegisteredFrames, prompter: Prompter, prompts: MaskPrompts | None) -> Row:
    segmentation, sources = study.with_sources(study.drawn)
    targets: list[SliceKey] = [(study.es, number) for number in study.drawn]
    over_frames = frames if prompts is None else CorrectedFrames(frames, prompter, study.region, prompts)
    propagator = Propagator(PromptedSlices(prompter, study.region), over_frames)
    return es_scores(study, propagate(study.cine, segmentation, sources, targets, propagator).segmentation.labels)


@contextmanager
def unprompted() -> Iterator[Prompter]:
    """A prompter that is part of the propagator but is never asked, as no slice of the stack is left to draw."""
    with tempfile.TemporaryDirectory() as folder:
        yield prompter_in(Path(folder))


def b_spline(fixed: Array, moving: Array, mesh_px: float = 12.0) -> Array:
    """As `deformation`, by free-form deformation: mean squares, L-BFGS-B, two resolutions (Rueckert et al. 1999)."""
    images = [sitk.GetImageFromArray(100.0 * image) for image in (fixed, moving)]
    mesh = [max(round(side / mesh_px), 2) for side in images[0].GetSize()]
    transform = sitk.BSplineTransformInitializer(images[0], mesh)
    registration = sitk.ImageRegistrationMethod()
    registration.SetNumberOfThreads(THREADS)
    registration.SetMetricAsMeanSquares()
    registration.SetInterpolator(sitk.sitkLinear)
    registration.SetOptimizerAsLBFGSB(numberOfIterations=15, maximumNumberOfFunctionEvaluations=45)
    registration.SetInitialTransform(transform, inPlace=True)
    registration.SetShrinkFactorsPerLevel([2, 1])
    registration.SetSmoothingSigmasPerLevel([1, 0])
    registration.Execute(*images)
    field = sitk.TransformToDisplacementField(transform, sitk.sitkVectorFloat64, images[0].GetSize())
    return np.asarray(np.moveaxis(sitk.GetArrayFromImage(field), -1, 0)[::-1])
