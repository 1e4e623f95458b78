"""Writes docs/clicks.json, docs/clicks.md and its figure: what few clicks and few boxes bring.

    python docs/scripts/measure_clicks.py DATA

DATA: the folder that holds `acdc`. All figures are of the validation patients, but for those that say how the
correction was chosen: these are of every fourth training patient. A few minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from click_studies import (
    MOST_CLICKS,
    Answer,
    Course,
    Study,
    contour_shown,
    corrected,
    corrected_beside,
    course_of,
    dice_by_structure,
    ef_percent,
    mean_dice,
    model_alone,
    slice_redrawn,
)
from clicks_page import draw, page

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.protocols.splits import read_split
from CardioSAMLib.io import load_acdc_patient, write_files
from CardioSAMLib.labels import STORAGE, CineSegmentation, Structure
from CardioSAMLib.prompts import SlicePrompts, StructurePrompts, box_around
from CardioSAMLib.resources import DEFAULT_MODEL_ID, DEFAULT_PROMPTABLE_ID, find_model, resources_dir
from CardioSAMLib.segmentation import (
    EmbeddingCache,
    HeartBox,
    Prompter,
    heart_box_of,
    promptable_of,
    provenance_of,
    segmenter_of,
)
from CardioSAMLib.segmentation.correction import Reach
from CardioSAMLib.segmentation.jitter import JITTERS, SideJitter, jittered_box
from CardioSAMLib.segmentation.promptable import PromptableModel
from CardioSAMLib.segmentation.propagation import (
    CorrectedFrames,
    FramePropagator,
    PromptedFrames,
    PromptedSlices,
    Propagator,
    RegisteredFrames,
    propagate,
)

DOCS = Path(__file__).resolve().parents[1]
COMMAND = "python docs/scripts/measure_clicks.py ../shared/data"
SPLIT = "acdc_train80_validation20.json"
CHOSEN_ON_EVERY = 4
BOX_JITTERS = ("sym_N(0,0 mm)", "sym_N(0,2 mm)", "sym_N(0,4 mm)")
SEED = 0
NO_LIMIT = 1e6
OTHER_REACHES = (
    Reach(mm=10.0),
    Reach(mm=30.0),
    Reach(of_way_to_contour=2.0),
    Reach(of_way_to_contour=NO_LIMIT),
    Reach(gray=0.25),
    Reach(gray=NO_LIMIT),
    Reach(surest_logit=1.5),
    Reach(surest_logit=6.0),
    Reach(surest_logit=NO_LIMIT),
    Reach(clicked_logit=1.0),
    Reach(clicked_logit=2.0),
    Reach(clicked_logit=8.0),
)


@dataclass(frozen=True)
class Way:
    """From the middle slice at end-diastole to the others. frames_first: over to end-systole before along the stack."""

    name: str
    frames_first: bool
    over_frames: str


WAYS = (
    Way("prompts, middle slice to ES first", True, "prompts"),
    Way("prompts, ED stack first", False, "prompts"),
    Way("registration then prompts, middle slice to ES first", True, "registration then prompts"),
    Way("registration, ED stack first", False, "registration"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    acdc = parser.parse_args().data / "acdc"
    split = read_split(resources_dir() / "splits" / SPLIT)
    card = find_model(DEFAULT_PROMPTABLE_ID)
    with tempfile.TemporaryDirectory() as folder:
        model, cache = promptable_of(card), EmbeddingCache(Path(folder))
        prompter = Prompter(model, cache)
        validation = studies_of(acdc, split.validation)
        result = {
            "command": COMMAND,
            "model": {"id": card.id, "version": card.version, "sha256": card.sha256},
            "automatic": DEFAULT_MODEL_ID,
            "split": SPLIT,
            "clicks": {name: curve(validation, answer, prompter) for name, answer in answers(prompter).items()},
            "chosen_on": chosen_on(studies_of(acdc, split.train[::CHOSEN_ON_EVERY]), model, cache),
            "boxes": [one_box_each(validation, prompter, way, jitter) for way in WAYS for jitter in jitters_of(way)],
            "patients": len(validation),
        }
    content = (json.dumps(result, indent=1) + "\n").encode()
    write_files(DOCS, {"clicks.json": content, "clicks.md": page(result).encode()})
    draw(result, DOCS / "images" / "clicks.png")


def studies_of(acdc: Path, names: Sequence[str]) -> list[Study]:
    segmenter = segmenter_of(find_model(DEFAULT_MODEL_ID))
    studies = []
    for name in names:
        patient = load_acdc_patient(acdc / name)
        if patient.labels is None:
            raise SystemExit(f"{name} has no expert labels.")
        automatic = segmenter.segment(patient.cine, range(2))
        heart = heart_box_of(automatic.labels, patient.cine.geometry.spacing_mm[:2])
        studies.append(Study(patient, patient.labels, automatic, heart))
    return studies


def answers(prompter: Prompter) -> dict[str, Answer]:
    return {
        "corrected": corrected(prompter),
        "corrected_beside": corrected_beside(prompter),
        "model_alone": model_alone(prompter),
        "slice_redrawn": slice_redrawn,
    }


def chosen_on(studies: Sequence[Study], model: PromptableModel, cache: EmbeddingCache) -> dict[str, Any]:
    """The usual way on training patients, and the others that it was chosen from."""
    prompter = Prompter(model, cache)
    others = {name: answer for name, answer in answers(prompter).items() if name != "slice_redrawn"}
    others["contour_shown"] = contour_shown(model, cache)
    return {
        "patients": len(studies),
        "usual_reach": asdict(Reach()),
        "curves": {name: curve(studies, answer, prompter) for name, answer in others.items()},
        "reaches": [
            {**asdict(reach), **curve(studies, corrected(prompter, reach), prompter)} for reach in OTHER_REACHES
        ],
    }


def curve(studies: Sequence[Study], answer: Answer, prompter: Prompter) -> dict[str, Any]:
    """Means over studies after each number of clicks, and what the single clicks did."""
    courses = []
    for study in studies:
        for frame, number in np.ndindex(study.reference.shape[:2]):
            prompter.prepare(study.patient.cine, frame, number, study.region)
        courses.append(course_of(study, answer))
    made = [one for course in courses for one in course.made]
    slow_ms = 1000.0 * np.array([one.seconds for one in made])
    return {
        "steps": [step(studies, courses, clicks) for clicks in range(MOST_CLICKS + 1)],
        "clicks": len(made),
        "obeyed_share": float(np.mean([one.obeyed for one in made])),
        "worse_share": float(np.mean([one.gain_px < 0 for one in made])),
        "gain_of_error_share": sum(one.gain_px for one in made) / sum(one.click.error_px for one in made),
        "ms_median": float(np.median(slow_ms)),
        "ms_p95": float(np.percentile(slow_ms, 95)),
    }


def step(studies: Sequence[Study], courses: Sequence[Course], clicks: int) -> dict[str, Any]:
    pairs = [(study, course.labels[clicks]) for study, course in zip(studies, courses, strict=True)]
    errors = {
        structure.name: [
            abs(ef_percent(study, labels, structure) - ef_percent(study, study.reference, structure))
            for study, labels in pairs
        ]
        for structure in (Structure.LV, Structure.RV)
    }
    values = [mean_dice(study.reference, labels) for study, labels in pairs]
    return {
        "dice": float(np.mean(values)),
        "dice_lowest": float(np.min(values)),
        "lv_ef_mae_points": float(np.mean(errors["LV"])),
        "rv_ef_mae_points": float(np.mean(errors["RV"])),
        "lv_ef_worst_points": float(np.max(errors["LV"])),
        "rv_ef_worst_points": float(np.max(errors["RV"])),
    }


def jitters_of(way: Way) -> tuple[SideJitter, ...]:
    return tuple(JITTERS[name] for name in (BOX_JITTERS if way is WAYS[0] else BOX_JITTERS[:1]))


def one_box_each(studies: Sequence[Study], prompter: Prompter, way: Way, jitter: SideJitter) -> dict[str, Any]:
    """A box per structure on one slice at end-diastole, the rest drawn from what the model makes of these."""
    values, whole = [], []
    for number, study in enumerate(studies):
        labels, middle, drawn = from_boxes(study, prompter, way, jitter, number)
        values.append(dice_by_structure(study.reference, labels))
        whole.append([dice_by_structure(study.reference[:1, middle], drawn[None])])
    mean = np.mean(values, axis=0)
    return {
        "way": way.name,
        "jitter": jitter.name,
        "dice": float(np.mean(values)),
        "dice_lowest": float(np.mean(values, axis=(1, 2)).min()),
        "middle_slice_dice": float(np.mean(whole)),
        "by_frame": {
            phase: {structure.name: float(one) for structure, one in zip(Structure, row, strict=True)}
            for phase, row in zip(("ED", "ES"), mean, strict=True)
        },
    }


def from_boxes(study: Study, prompter: Prompter, way: Way, jitter: SideJitter, number: int) -> tuple[Array, int, Array]:
    """Labels of both frames, the prompted slice, and what was drawn there."""
    cine, reference = study.patient.cine, study.reference[0]
    middle = middle_slice(reference)
    prompts = boxes_on(reference[middle], middle, cine.geometry.spacing_mm[:2], jitter, number)
    region = region_of(prompts, cine.geometry.spacing_mm[:2])
    drawn = prompter.predict(cine, prompts, region).labels
    labels = np.zeros(study.reference.shape, np.uint8)
    labels[0, middle] = drawn
    start = CineSegmentation(labels, (0,), provenance_of(prompter.model))
    propagator = Propagator(PromptedSlices(prompter, region), over_frames(way, prompter, region))
    everything = list(np.ndindex(labels.shape[:2]))
    sources = [(0, middle)]
    if way.frames_first:
        start = propagate(cine, start, sources, [(1, middle)], propagator).segmentation
        sources = [key for key in ((0, middle), (1, middle)) if start.labels[key].any()]
    return propagate(cine, start, sources, everything, propagator).segmentation.labels, middle, drawn


def middle_slice(labels: Array) -> int:
    """The middle one of the slices with all structures."""
    values = [STORAGE.value_of(structure) for structure in Structure]
    complete = [number for number, plane in enumerate(labels) if np.isin(values, plane).all()]
    return complete[len(complete) // 2]


def boxes_on(
    labels: Array, slice_number: int, pixel_mm: tuple[float, float], jitter: SideJitter, number: int
) -> SlicePrompts:
    """A box around each structure of a reference, as a person draws it; the sides that are off have a seed."""
    prompts = []
    for structure in Structure:
        box = box_around(labels == STORAGE.value_of(structure))
        if box is None:
            raise ValueError("a structure is missing in the slice")
        seed = [SEED, number, STORAGE.value_of(structure)]
        off = jittered_box(box, jitter, (labels.shape[0], labels.shape[1]), pixel_mm, seed)
        prompts.append(StructurePrompts(structure, box=off))
    return SlicePrompts(0, slice_number, tuple(prompts))


def region_of(prompts: SlicePrompts, pixel_mm: tuple[float, float]) -> HeartBox:
    """Around all boxes: nothing else is known of where the heart is."""
    boxes = np.array([astuple(own.box) for own in prompts.structures if own.box is not None])
    (first_row, first_column), (last_row, last_column) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    center = ((first_row + last_row) / 2.0, (first_column + last_column) / 2.0)
    return HeartBox(center, ((last_row - first_row) * pixel_mm[0], (last_column - first_column) * pixel_mm[1]))


def over_frames(way: Way, prompter: Prompter, region: HeartBox) -> FramePropagator:
    if way.over_frames == "prompts":
        return PromptedFrames(prompter, region)
    registered = RegisteredFrames()
    return registered if way.over_frames == "registration" else CorrectedFrames(registered, prompter, region)


if __name__ == "__main__":
    main()
