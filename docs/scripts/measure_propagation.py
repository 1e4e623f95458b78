"""Writes docs/propagation.json and .md: how well drawn slices are carried to other slices and frames.

    python docs/scripts/measure_propagation.py DATA --work FOLDER

DATA: the folder that holds `acdc` and `acdc-cine`. FOLDER keeps what was measured of each patient, so that a stopped
run goes on where it was. The expert's contours at end-diastole go in, those at end-systole are what the result is
compared with (prompt source `reference`).
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from propagation_choices import tried_prompts, tried_registrations
from propagation_page import page
from propagation_study import THREADS, Study, both_scores, es_scores, prompter_in, study_of

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.protocols.splits import read_split
from CardioSAMLib.io import write_files
from CardioSAMLib.resources import DEFAULT_MODEL_ID, DEFAULT_PROMPTABLE_ID, find_model, resources_dir
from CardioSAMLib.segmentation import segmenter_of
from CardioSAMLib.segmentation.propagation import PROPAGATION_METHODS, SliceKey, propagate, propagator_of

DOCS = Path(__file__).resolve().parents[1]
COMMAND = "python docs/scripts/measure_propagation.py ../shared/data --work FOLDER"
SPLIT = "acdc_train80_validation20.json"
# One each with a dilated, a normal and a right heart, none of them of the validation.
REGISTRATION_PATIENTS = ("patient001", "patient067", "patient083")
PROMPT_PATIENTS_EVERY = 5
KEPT, AUTOMATIC, FRAMES_FIRST = "kept", "automatic", "frames-first"

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    split = read_split(resources_dir() / "splits" / SPLIT)
    validation = set(split.validation)
    cines = sorted(folder for folder in (arguments.data / "acdc-cine").iterdir() if folder.is_dir())
    # Another model, another folder: what was measured with one must not be mixed with what is measured with the next.
    card = find_model(DEFAULT_PROMPTABLE_ID)
    hashes = {"encoder_sha256": card.sha256, "decoder_sha256": (card.decoder or {})["sha256"]}
    kept = partial(measured_once, arguments.work / "-".join(one[:12] for one in hashes.values()))
    rows = []
    for folder in cines:
        # The model knows the others: their seconds are not worth the time of drawing every frame.
        rows += kept(folder, partial(full_cine, every_frame=folder.name in validation), "cine")
    rows += [row for name in sorted(validation) for row in kept(arguments.data / "acdc" / name, pair, "pair")]
    some = split.train[::PROMPT_PATIENTS_EVERY]
    choices = [row for name in some for row in kept(arguments.data / "acdc" / name, tried_prompts, "prompts")]
    for name in REGISTRATION_PATIENTS:
        choices += kept(arguments.data / "acdc-cine" / name, tried_registrations, "registration")
    for row in rows:
        row["trained_on"] = row["patient"] not in validation
    result = {
        "command": COMMAND,
        "model": {"id": card.id, "version": card.version, **hashes},
        "processors": os.cpu_count(),
        "threads": THREADS,
        "rows": rows,
        "choices": choices,
    }
    content = (json.dumps(result, indent=1) + "\n").encode()
    write_files(DOCS, {"propagation.json": content, "propagation.md": page(result).encode()})


def measured_once(work: Path, folder: Path, measure: Callable[[Study], list[Row]], kind: str) -> list[Row]:
    """The rows of one patient, from the work folder if they are there."""
    file = work / f"{kind}-{folder.name}.json"
    if not file.is_file():
        rows = [{"experiment": kind, "patient": folder.name, **row} for row in measure(study_of(folder))]
        write_files(work, {file.name: json.dumps(rows).encode()})
    return list(json.loads(file.read_text(encoding="utf-8")))


def full_cine(study: Study, every_frame: bool) -> list[Row]:
    """All slices of end-diastole to every frame, or to end-systole; and one of them to all slices of both frames."""
    numbers = range(study.cine.slices)
    frames = range(study.cine.frames) if every_frame else [study.es]
    targets = [(frame, number) for frame in frames for number in numbers]
    both = [(frame, number) for frame in (study.ed, study.es) for number in numbers]
    rows = [*without_propagation(study)]
    for method_id in PROPAGATION_METHODS:
        labels, seconds = carried(study, study.drawn, targets, method_id)
        rows.append({"task": "stack", "method": method_id, "seconds": seconds, **es_scores(study, labels)})
        labels, seconds = carried(study, [study.middle], both, method_id)
        rows.append({"task": "slice", "method": method_id, "seconds": seconds, **both_scores(study, labels)})
    labels, seconds = frames_first(study)
    rows.append({"task": "slice", "method": FRAMES_FIRST, "seconds": seconds, **both_scores(study, labels)})
    return rows


def pair(study: Study) -> list[Row]:
    """The same for patients of whom only end-diastole and end-systole are there."""
    both = [(frame, number) for frame in (0, 1) for number in range(study.cine.slices)]
    rows = [*without_propagation(study)]
    for method_id in PROPAGATION_METHODS:
        for task, numbers, scores in (("stack", study.drawn, es_scores), ("slice", [study.middle], both_scores)):
            labels, seconds = carried(study, numbers, both, method_id)
            rows.append({"task": task, "method": method_id, "seconds": seconds, **scores(study, labels)})
    return rows


def carried(study: Study, numbers: Sequence[int], targets: Sequence[SliceKey], method_id: str) -> tuple[Array, float]:
    """Labels `(frames, slices, rows, columns)`, and seconds of the processor with no slice encoded before."""
    segmentation, sources = study.with_sources(numbers)
    with tempfile.TemporaryDirectory() as folder:
        propagator = propagator_of(prompter_in(Path(folder)), study.region, method_id)
        start = time.process_time()
        result = propagate(study.cine, segmentation, sources, targets, propagator)
        return result.segmentation.labels, time.process_time() - start


def frames_first(study: Study) -> tuple[Array, float]:
    """The other order with the usual method: the one slice to end-systole, then along the stack in both frames."""
    segmentation, sources = study.with_sources([study.middle])
    with tempfile.TemporaryDirectory() as folder:
        propagator = propagator_of(prompter_in(Path(folder)), study.region)
        start = time.process_time()
        at_es = [(study.es, study.middle)]
        around = propagate(study.cine, segmentation, sources, at_es, propagator).segmentation
        if not around.labels[at_es[0]].any():
            raise SystemExit(f"Nothing was found in the middle slice of {study.name} at end-systole.")
        rest = [(frame, number) for frame in (study.ed, study.es) for number in range(study.cine.slices)]
        result = propagate(study.cine, around, [*sources, *at_es], rest, propagator)
        return result.segmentation.labels, time.process_time() - start


def without_propagation(study: Study) -> list[Row]:
    """What propagation must beat: the contours of end-diastole left as they are, and the automatic model."""
    still = np.zeros(study.cine.pixels.shape, np.uint8)
    still[:] = study.labels[0]
    segmenter = segmenter_of(find_model(DEFAULT_MODEL_ID))
    start = time.process_time()
    automatic = segmenter.segment(study.cine, [study.ed, study.es]).labels
    seconds = time.process_time() - start
    return [
        {"task": "stack", "method": KEPT, "seconds": 0.0, **es_scores(study, still)},
        {"task": "stack", "method": AUTOMATIC, "seconds": seconds, **es_scores(study, automatic)},
        {"task": "slice", "method": AUTOMATIC, "seconds": seconds, **both_scores(study, automatic)},
    ]


if __name__ == "__main__":
    main()
