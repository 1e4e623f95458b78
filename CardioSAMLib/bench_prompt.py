"""Timings of promptable models (floor 4): encoding a slice and answering clicks, all models in one run, with ratios."""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from CardioSAMLib.bench_promptable import OFFICIAL_ID, Contender, TimedModel, contenders
from CardioSAMLib.cine import Array, Cine, UnusableInput
from CardioSAMLib.evaluation.html_parts import number
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.peak_memory import highest_rss_mb
from CardioSAMLib.progress import Progress, part_of, silent
from CardioSAMLib.prompts import SlicePrompts
from CardioSAMLib.segmentation.locate import HeartBox, heart_box_of
from CardioSAMLib.segmentation.simulate import STEIN_CORRECTED, PromptCounts, simulate

if TYPE_CHECKING:
    from rich.table import Table

_ROUNDS = 15
_ROUNDS_OF_SLOW = (0, 7, 14)
_SLOW_S = 5.0
_CLICKS_PER_ROUND = 8
_ONE_CLICK = PromptCounts(positives=1, negatives=0, box=False)
_SEVERAL_CLICKS = PromptCounts(positives=2, negatives=1, box=True)


@dataclass(frozen=True)
class ModelTiming:
    """Of one model. runtime: the package that computes.

    encode: from a slice's pixels to its embedding. click: from one point for one structure to its mask on the slice,
    the embedding being there. click_three: the same for three structures, each with a box, two points on it and one on
    each of the others. encode_ratio_to_vit_b_1024: the time of the official predictor's encoder divided by this one's,
    so 50 means 50 times as fast; None where that is not installed. peak_rss_mb: highest memory of a process that loads
    this model alone, encodes a slice and answers a click; None where the system does not tell.
    """

    runtime: str
    encodes: int
    encode_ms_median: float
    clicks: int
    click_ms_median: float
    click_ms_p95: float
    click_three_ms_median: float
    click_three_ms_p95: float
    encode_ratio_to_vit_b_1024: float | None
    peak_rss_mb: float | None


@dataclass(frozen=True)
class PromptTimings:
    """models: by id. shape: rows and columns of a slice. cores: that this process may use."""

    models: dict[str, ModelTiming]
    shape: tuple[int, int]
    cores: int
    machine: str


@dataclass(frozen=True, eq=False)
class _Study:
    """A cine, the square around its heart, and contours of frame 0 `(slices, rows, columns)` to click on.

    complete: slices that show all structures.
    """

    cine: Cine
    region: HeartBox
    labels: Array
    complete: tuple[int, ...]


@dataclass(frozen=True)
class _Seconds:
    encode: list[float]
    click: list[float]
    click_three: list[float]


def measure_prompting(input_path: Path | None, names: str | None, progress: Progress = silent) -> PromptTimings:
    """Times models on slices of a cine, or of the phantom, on the CPU. names: see `contenders`.

    The models take turns, so that a busy machine slows all alike. Models whose slice takes more than 5 s to encode
    do so in 3 of the 15 rounds, and answer clicks in these only. A first encoding and click of each is left out.
    Raises UnusableInput for models that there are not, and where no slice of the cine shows all structures.
    """
    chosen = contenders(names)
    if not chosen:
        raise UnusableInput("No model is named; name one, or leave the list out.")
    study = _study(input_path, part_of(progress, 0.0, 0.1))
    peaks = {}
    # Before anything large is loaded here: a process starts with the highest memory of the one that started it.
    for step, contender in enumerate(chosen):
        progress(0.1 + 0.3 * step / len(chosen), f"{contender.id}: memory")
        peaks[contender.id] = _peak_alone_mb(contender.id, names, study)
    with tempfile.TemporaryDirectory() as folder:
        seconds = _taken_in_turns(chosen, study, Path(folder), part_of(progress, 0.4, 1.0))
    official = seconds.get(OFFICIAL_ID)
    models = {one.id: _timing(one, seconds[one.id], official, peaks[one.id]) for one in chosen}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return PromptTimings(models, (study.labels.shape[1], study.labels.shape[2]), cores, platform.machine())


def as_json(timings: PromptTimings) -> str:
    """The timings by the names of their fields."""
    return json.dumps(asdict(timings), indent=1) + "\n"


def bench_table(timings: PromptTimings) -> Table:
    """The timings for the terminal."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=f"Milliseconds on {timings.cores} cores, slices of {timings.shape[0]} x {timings.shape[1]} pixels",
        caption="faster: encoding, times as fast as SamPredictor; MB: highest memory of the model alone",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        show_edge=False,
        pad_edge=False,
    )
    table.add_column("model")
    for heading in ("encode", "click", "p95", "3 struct.", "p95", "faster", "MB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for model_id, timing in timings.models.items():
        values = (timing.encode_ms_median, timing.click_ms_median, timing.click_ms_p95)
        three = (timing.click_three_ms_median, timing.click_three_ms_p95)
        ratio = number(timing.encode_ratio_to_vit_b_1024, 1)
        table.add_row(model_id, *(f"{ms:.0f}" for ms in (*values, *three)), ratio, number(timing.peak_rss_mb, 0))
    return table


def _study(input_path: Path | None, progress: Progress) -> _Study:
    if input_path is None:
        from CardioSAMLib.phantom import PhantomOptions, make_phantom

        phantom = make_phantom(PhantomOptions(frames=2))
        cine, labels = phantom.cine, phantom.segmentation.labels[0]
    else:
        from CardioSAMLib.io import load_cine
        from CardioSAMLib.resources import DEFAULT_MODEL_ID, find_model
        from CardioSAMLib.segmentation import segmenter_of

        cine = load_cine(input_path)
        labels = segmenter_of(find_model(DEFAULT_MODEL_ID)).segment(cine, (0,), progress).labels[0]
    complete = tuple(
        number
        for number, plane in enumerate(labels)
        if all((plane == STORAGE.value_of(structure)).any() for structure in Structure)
    )
    if not complete:
        raise UnusableInput(
            "No slice of the first frame shows both ventricles and the wall; give another cine, or the phantom (none)."
        )
    return _Study(cine, heart_box_of(labels, cine.geometry.spacing_mm[:2]), labels, complete)


def _taken_in_turns(
    chosen: Sequence[Contender], study: _Study, folder: Path, progress: Progress
) -> dict[str, _Seconds]:
    models: dict[str, TimedModel] = {}
    warm_up_s = {}
    for step, contender in enumerate(chosen):
        progress(0.3 * step / len(chosen), f"{contender.id}: loading and warming up")
        model = contender.made(study.cine, study.region, folder / str(step))
        (warm_up_s[contender.id],) = _round(model, study, 0, clicks=1).encode
        models[contender.id] = model
    seconds = {contender.id: _Seconds([], [], []) for contender in chosen}
    for turn in range(_ROUNDS):
        progress(0.3 + 0.7 * turn / _ROUNDS, f"round {turn + 1} of {_ROUNDS}")
        for contender in chosen:
            if warm_up_s[contender.id] > _SLOW_S and turn not in _ROUNDS_OF_SLOW:
                continue
            taken = _round(models[contender.id], study, turn, _CLICKS_PER_ROUND)
            sums = seconds[contender.id]
            sums.encode.extend(taken.encode)
            sums.click.extend(taken.click)
            sums.click_three.extend(taken.click_three)
    return seconds


def _round(model: TimedModel, study: _Study, number: int, clicks: int) -> _Seconds:
    """One slice encoded, and clicks on it, each in other places."""
    slice_number = study.complete[number % len(study.complete)]
    model.forget()
    encode = [_seconds_of(partial(model.encode, slice_number))]
    one, three = [], []
    for click in range(clicks):
        several = _prompts(study, slice_number, _SEVERAL_CLICKS, (number, click))
        single = _prompts(study, slice_number, _ONE_CLICK, (number, click))
        alone = SlicePrompts(0, slice_number, (single.structures[click % len(single.structures)],))
        one.append(_seconds_of(partial(model.click, alone)))
        three.append(_seconds_of(partial(model.click, several)))
    return _Seconds(encode, one, three)


def _prompts(study: _Study, slice_number: int, counts: PromptCounts, seed: Sequence[int]) -> SlicePrompts:
    return SlicePrompts(0, slice_number, simulate(study.labels[slice_number], STEIN_CORRECTED, counts, seed).structures)


def _seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _timing(contender: Contender, seconds: _Seconds, official: _Seconds | None, peak_mb: float | None) -> ModelTiming:
    encode_s = statistics.median(seconds.encode)
    return ModelTiming(
        contender.runtime,
        len(seconds.encode),
        1000.0 * encode_s,
        len(seconds.click),
        *_median_and_p95_ms(seconds.click),
        *_median_and_p95_ms(seconds.click_three),
        None if official is None else statistics.median(official.encode) / encode_s,
        peak_mb,
    )


def _median_and_p95_ms(seconds: list[float]) -> tuple[float, float]:
    return 1000.0 * statistics.median(seconds), 1000.0 * float(np.percentile(seconds, 95))


def _peak_alone_mb(model_id: str, names: str | None, study: _Study) -> float | None:
    """In a process of its own: what a process has taken at most does not go down again."""
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(_peak_after_a_click, model_id, names, study).result()
    except BrokenProcessPool as error:
        raise UnusableInput(
            f"The process that measures the memory of {model_id} was ended; there may be too little of it. Leave the "
            "model out."
        ) from error


def _peak_after_a_click(model_id: str, names: str | None, study: _Study) -> float | None:
    (contender,) = (one for one in contenders(names) if one.id == model_id)
    with tempfile.TemporaryDirectory() as folder:
        _round(contender.made(study.cine, study.region, Path(folder)), study, 0, clicks=1)
        return highest_rss_mb()
