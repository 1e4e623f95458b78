"""What `validate_prompts.py` measures: prompts drawn from the expert's contours, and what the model makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from CardioSAMLib.cine import Array, Cine
from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import score
from CardioSAMLib.evaluation.protocols.splits import read_split
from CardioSAMLib.io import load_acdc_patient
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.prompts import SlicePrompts, StructurePrompts
from CardioSAMLib.resources import DEFAULT_MODEL_ID, find_model, resources_dir
from CardioSAMLib.segmentation import HeartBox, Prompter, heart_box_of, segmenter_of
from CardioSAMLib.segmentation.jitter import SideJitter, jittered_box
from CardioSAMLib.segmentation.simulate import PromptCounts, PromptMode, simulate, slices_of_passes

SPLIT = "acdc_train80_validation20.json"
SEED = 0
METRICS = ("dice", "hd95_mm", "assd_mm")
MEANS = (*METRICS, "volume_dice")


@dataclass(frozen=True, eq=False)
class Volume:
    """One labeled frame of one validation patient. labels: `(slices, rows, columns)`, the reference."""

    number: int
    frame: int
    cine: Cine
    labels: Array
    heart: HeartBox


@dataclass(frozen=True)
class SliceScore:
    """Of one structure in one slice. values: the `METRICS`. shared_px: pixels of both the answer and the reference;
    both_px: the sum of their pixels."""

    structure: Structure
    values: list[float]
    shared_px: int
    both_px: int


def read_volumes(acdc: Path) -> list[Volume]:
    segmenter = segmenter_of(find_model(DEFAULT_MODEL_ID))
    volumes = []
    for number, name in enumerate(read_split(resources_dir() / "splits" / SPLIT).validation):
        patient = load_acdc_patient(acdc / name)
        if patient.labels is None:
            raise SystemExit(f"{name} has no expert labels.")
        drawn = segmenter.segment(patient.cine, range(2)).labels
        heart = heart_box_of(drawn, patient.cine.geometry.spacing_mm[:2])
        volumes += [Volume(number, frame, patient.cine, labels, heart) for frame, labels in enumerate(patient.labels)]
    return volumes


def outward(px: float) -> SideJitter:
    """Each side of the box up to so many native pixels farther out."""
    return SideJitter(f"out_U(0,{px:g})px", "uniform_outward", px, "px")


def measured(
    prompter: Prompter,
    volumes: Sequence[Volume],
    mode: PromptMode,
    counts: PromptCounts,
    jitter: SideJitter | None = None,
) -> dict[str, Any]:
    """Means of the 2D metrics: over the structures of all slices of a volume, then over volumes. And `volume_dice`: of
    the prompted slices of a structure as one volume, mean over structures, then over volumes. The literal mode takes
    each structure's mask by itself, overlaps and all."""
    means = []
    slices = 0
    for volume in volumes:
        rows: list[SliceScore] = []
        for number in (
            number for one in slices_of_passes(volume.labels, mode, [SEED, volume.number]) for number in one
        ):
            rows += slice_scores(prompter, volume, number, mode, counts, jitter)
            slices += 1
        if rows:
            means.append(means_of(rows))
    values = np.mean(means, axis=0)
    return {"slices": slices, **{key: float(value) for key, value in zip(MEANS, values, strict=True)}}


def means_of(rows: Sequence[SliceScore]) -> list[float]:
    """The `MEANS` of one volume."""
    return [*np.mean([row.values for row in rows], axis=0).tolist(), volume_dice(rows)]


def volume_dice(rows: Sequence[SliceScore]) -> float:
    """3D Dice of each structure in these slices of one volume, mean over structures."""
    structures = {row.structure for row in rows}
    return float(np.mean([pooled_dice([row for row in rows if row.structure is one]) for one in structures]))


def pooled_dice(rows: Sequence[SliceScore]) -> float:
    return 2.0 * sum(row.shared_px for row in rows) / sum(row.both_px for row in rows)


def slice_scores(
    prompter: Prompter, volume: Volume, number: int, mode: PromptMode, counts: PromptCounts, jitter: SideJitter | None
) -> list[SliceScore]:
    """One per prompted structure."""
    prompts = prompts_for(volume, number, mode, counts, jitter)
    drawn = singly if mode.may_repeat else together
    return scores(volume, number, drawn(prompter, volume, number, prompts))


def prompts_for(
    volume: Volume, number: int, mode: PromptMode, counts: PromptCounts, jitter: SideJitter | None = None
) -> tuple[StructurePrompts, ...]:
    seed = [SEED, volume.number, volume.frame, number]
    prompts = simulate(volume.labels[number], mode, counts, seed).structures
    return prompts if jitter is None else tuple(off(one, jitter, volume, seed) for one in prompts)


def together(
    prompter: Prompter, volume: Volume, number: int, prompts: tuple[StructurePrompts, ...]
) -> dict[Structure, Array]:
    """Bool masks `(rows, columns)` of the prompted structures, which exclude each other: the largest logit decides."""
    labels = prompter.predict(volume.cine, SlicePrompts(volume.frame, number, prompts), volume.heart).labels
    return {one.structure: labels == STORAGE.value_of(one.structure) for one in prompts}


def singly(
    prompter: Prompter, volume: Volume, number: int, prompts: tuple[StructurePrompts, ...]
) -> dict[Structure, Array]:
    """The same of each structure as if it were the only one; they may overlap."""
    return {one.structure: together(prompter, volume, number, (one,))[one.structure] for one in prompts}


def scores(volume: Volume, number: int, drawn: dict[Structure, Array]) -> list[SliceScore]:
    spacing_mm = volume.cine.geometry.spacing_mm[:2]
    rows = []
    for structure, mask in drawn.items():
        wanted = volume.labels[number] == STORAGE.value_of(structure)
        values = score(MaskPair(wanted, mask, spacing_mm))
        shared_px, both_px = int((wanted & mask).sum()), int(wanted.sum() + mask.sum())
        rows.append(SliceScore(structure, [values[key] for key in METRICS], shared_px, both_px))
    return rows


def off(prompts: StructurePrompts, jitter: SideJitter, volume: Volume, seed: Sequence[int]) -> StructurePrompts:
    if prompts.box is None:
        return prompts
    shape = (volume.labels.shape[1], volume.labels.shape[2])
    own = [*seed, STORAGE.value_of(prompts.structure)]
    return replace(prompts, box=jittered_box(prompts.box, jitter, shape, volume.cine.geometry.spacing_mm[:2], own))
