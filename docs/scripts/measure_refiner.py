"""Writes docs/refiner.json and .md: what the refiner makes of automatic contours of all qualities.

    python docs/scripts/measure_refiner.py DATA --out OUT

DATA: the folder that holds `acdc`. OUT: where the badly trained models (`refiner_coarse.py`), their masks and the
scores of each setting are kept, so that a stopped run goes on; give a folder outside of the repository. Two processes
of one thread each; about half an hour of both.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from refiner_coarse import SHARES_PERCENT, SPLIT, coarse_labels, described, keep, kept, patients_of
from refiner_page import page

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.bootstrap import bootstrap_interval
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.evaluation.protocols.splits import read_split
from CardioSAMLib.io import AcdcPatient, load_acdc_patient, write_files
from CardioSAMLib.labels import CineSegmentation, Provenance, Structure, base_to_apex
from CardioSAMLib.resources import DEFAULT_MODEL_ID, DEFAULT_PROMPTABLE_ID, find_model, resources_dir
from CardioSAMLib.segmentation import EmbeddingCache, Prompter, heart_box_of, promptable_of, segmenter_of
from CardioSAMLib.segmentation.refiner import REFINER_MODES, Negatives, RefinerOptions, refine
from CardioSAMLib.segmentation.refiner.negatives import OptimizedPoints
from CardioSAMLib.segmentation.refiner.refine import slice_objects

DOCS = Path(__file__).resolve().parents[1]
COMMAND = "python docs/scripts/measure_refiner.py ../shared/data --out OUT"
DEFAULT = "default"
"""Beside the shares in percent: the automatic model that ships."""

COARSE = (*map(str, SHARES_PERCENT), DEFAULT)
WITH_ORACLE = ("5", "20", "100")
SEEDS_AT = "20"
SEEDS = range(5)
PROCESSES = 2


@dataclass(frozen=True)
class Setting:
    """One refinement of one coarse model's masks. slices: "one" of each volume, or "all"."""

    coarse: str
    mode: str
    negatives: str
    context: str = "predicted"
    seed: int = 0
    slices: str = "one"

    @property
    def name(self) -> str:
        return f"{self.coarse}-{self.mode}-{self.negatives}-{self.context}-{self.seed}-{self.slices}"


def settings() -> Iterator[Setting]:
    for coarse in COARSE:
        for mode in REFINER_MODES:
            for negatives in Negatives:
                yield Setting(coarse, mode, negatives.value)
    for coarse in COARSE:
        yield Setting(coarse, "corrected", "random", slices="all")
    for coarse in WITH_ORACLE:
        yield Setting(coarse, "corrected", "nppr", "oracle")
    for seed in SEEDS:
        for name in ("random", "nppr"):
            yield Setting(SEEDS_AT, "corrected", name, seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    chosen = tuple(dict.fromkeys(settings()))
    with ProcessPoolExecutor(PROCESSES) as pool:
        list(pool.map(draw_coarse, COARSE, *([value] * len(COARSE) for value in (given.data / "acdc", given.out))))
        scored = pool.map(score, chosen, *([value] * len(chosen) for value in (given.data / "acdc", given.out)))
        rows = dict(zip(chosen, scored, strict=True))
        movement = pool.submit(movement_of_points, given.data / "acdc", given.out).result()
    result = {"command": COMMAND, **conditions(), "settings": summaries(rows), "movement": movement}
    content = (json.dumps(result, indent=1) + "\n").encode()
    write_files(DOCS, {"refiner.json": content, "refiner.md": page(result).encode()})


def conditions() -> dict[str, Any]:
    card = find_model(DEFAULT_PROMPTABLE_ID)
    split = read_split(resources_dir() / "splits" / SPLIT)
    return {
        "model": {"id": card.id, "version": card.version, "sha256": card.sha256},
        "shipped": DEFAULT_MODEL_ID,
        "patients": len(split.validation),
        "coarse_training": described(),
        "coarse_patients": {str(percent): len(patients_of(percent, split)) for percent in SHARES_PERCENT},
        "seeds_at": SEEDS_AT,
    }


@cache
def validation_patients(acdc: Path) -> tuple[AcdcPatient, ...]:
    names = read_split(resources_dir() / "splits" / SPLIT).validation
    return tuple(load_acdc_patient(acdc / name) for name in names)


def draw_coarse(coarse: str, acdc: Path, out: Path) -> list[Array]:
    """Masks of a coarse model on the validation patients; each array `(2, slices, rows, columns)`."""
    import torch

    torch.set_num_threads(1)
    patients = validation_patients(acdc)
    if coarse != DEFAULT:
        split = read_split(resources_dir() / "splits" / SPLIT)
        return coarse_labels(int(coarse), patients, split, acdc, out)
    file = out / f"coarse-{DEFAULT}.npz"
    if not file.exists():
        segmenter = segmenter_of(find_model(DEFAULT_MODEL_ID))
        keep({one.name: segmenter.segment(one.cine, range(2)).labels for one in patients}, file)
    return kept(file, patients)


def score(setting: Setting, acdc: Path, out: Path) -> dict[str, Any]:
    """Dice before and after, of each structure of each patient and frame, and the processor's time for an object.

    Of one slice, 2D; of all slices, 3D. Kept in `out` under a name that another promptable model would not find.
    """
    file = out / f"{setting.name}-{find_model(DEFAULT_PROMPTABLE_ID).sha256[:8]}.json"
    if not file.exists():
        prompter, options = prompter_of(out), options_of(setting)
        rows, seconds, objects = [], 0.0, 0
        for patient, drawn in zip(validation_patients(acdc), draw_coarse(setting.coarse, acdc, out), strict=True):
            coarse = shown(drawn, patient, setting)
            if not coarse.labels.any():
                rows += rows_of(patient, coarse, coarse, setting)
                continue
            prepare(prompter, patient, coarse)
            context = expert(patient) if setting.context == "oracle" else None
            begin = time.process_time()
            refined = refine(patient.cine, coarse, prompter, options, context)
            seconds += time.process_time() - begin
            objects += sum(int(coarse.mask(structure).any(axis=(2, 3)).sum()) for structure in Structure)
            rows += rows_of(patient, coarse, refined, setting)
        content = {"rows": rows, "seconds_per_object": seconds / max(objects, 1), "objects": objects}
        write_files(out, {file.name: json.dumps(content).encode()})
    stored: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return stored


@cache
def prompter_of(out: Path) -> Prompter:
    return Prompter(promptable_of(find_model(DEFAULT_PROMPTABLE_ID), threads=1), EmbeddingCache(out / "embeddings"))


def options_of(setting: Setting) -> RefinerOptions:
    return RefinerOptions(REFINER_MODES[setting.mode], Negatives(setting.negatives), setting.seed)


def expert(patient: AcdcPatient) -> CineSegmentation:
    if patient.labels is None:
        raise SystemExit(f"{patient.name} has no expert labels.")
    return CineSegmentation(patient.labels, (0, 1), Provenance("expert"))


def shown(drawn: Array, patient: AcdcPatient, setting: Setting) -> CineSegmentation:
    """The coarse contours of the slices that the setting asks for."""
    labels = np.zeros_like(drawn)
    for frame, number in slices_of(patient, setting):
        labels[frame, number] = drawn[frame, number]
    return CineSegmentation(labels, (0, 1), Provenance(setting.coarse))


def slices_of(patient: AcdcPatient, setting: Setting) -> list[tuple[int, int]]:
    """Frame and slice of each that is refined. One of each frame: in turn from the basal, middle and apical third."""
    if setting.slices == "all":
        return list(np.ndindex(patient.cine.pixels.shape[:2]))
    chosen = []
    for frame, reference in enumerate(expert(patient).labels):
        order = base_to_apex(reference)
        third = (int(patient.name[-3:]) + frame) % 3
        chosen.append((frame, order[int((third + 0.5) / 3.0 * len(order))]))
    return chosen


def prepare(prompter: Prompter, patient: AcdcPatient, coarse: CineSegmentation) -> None:
    """Encodes beforehand, so that the time of an object is that of refining alone."""
    region = heart_box_of(coarse.labels, patient.cine.geometry.spacing_mm[:2])
    for frame, number in np.argwhere(coarse.labels.any(axis=(2, 3))).tolist():
        prompter.prepare(patient.cine, frame, number, region)


def rows_of(
    patient: AcdcPatient, coarse: CineSegmentation, refined: CineSegmentation, setting: Setting
) -> list[dict[str, Any]]:
    """One per frame and structure that is in the reference or was drawn; on nothing at all nothing can be refined."""
    rows = []
    numbers: dict[int, list[int]] = {}
    for frame, number in slices_of(patient, setting):
        numbers.setdefault(frame, []).append(number)
    for frame, chosen in numbers.items():
        for structure in Structure:
            true, before, after = (one.mask(structure)[frame, chosen] for one in (expert(patient), coarse, refined))
            if true.any() or before.any():
                values = {"before": dice(true, before), "after": dice(true, after)}
                rows.append({"patient": patient.name, "frame": frame, "structure": structure.name, **values})
    return rows


def movement_of_points(acdc: Path, out: Path) -> dict[str, dict[str, float]]:
    """Of each mode, means over the objects of one coarse model: what the optimization of negatives did."""
    found = {}
    for mode in REFINER_MODES:
        setting = Setting(SEEDS_AT, mode, "nppr")
        optimized = []
        for patient, drawn in zip(validation_patients(acdc), draw_coarse(SEEDS_AT, acdc, out), strict=True):
            coarse = shown(drawn, patient, setting)
            if coarse.labels.any():
                optimized += [one for one in objects_of(patient, coarse, setting, out) if one is not None]
        found[mode] = {
            "objects": float(len(optimized)),
            "steps": float(np.mean([len(one.losses) - 1 for one in optimized])),
            "loss_first": float(np.mean([one.losses[0] for one in optimized])),
            "loss_last": float(np.mean([one.losses[-1] for one in optimized])),
            "moved_px": float(np.mean([one.moved_px for one in optimized])),
            "drift_px": float(np.mean([one.drift_px for one in optimized])),
        }
    return found


def objects_of(
    patient: AcdcPatient, coarse: CineSegmentation, setting: Setting, out: Path
) -> Iterator[OptimizedPoints | None]:
    region = heart_box_of(coarse.labels, patient.cine.geometry.spacing_mm[:2])
    for frame, number in np.argwhere(coarse.labels.any(axis=(2, 3))).tolist():
        objects = slice_objects(patient.cine, coarse, (frame, number), prompter_of(out), region, options_of(setting))
        yield from (one.optimized for one in objects)


def summaries(scored: Mapping[Setting, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each setting: mean Dice of each structure, and of all over patients with the interval of the gain."""
    return [{**asdict(setting), **summary(stored)} for setting, stored in scored.items()]


def summary(stored: Mapping[str, Any]) -> dict[str, Any]:
    rows = stored["rows"]
    by_structure = {
        structure.name: [
            float(np.mean([row[when] for row in rows if row["structure"] == structure.name]))
            for when in ("before", "after")
        ]
        for structure in Structure
    }
    patients = sorted({row["patient"] for row in rows})
    before, after = (
        np.array([np.mean([row[when] for row in rows if row["patient"] == patient]) for patient in patients])
        for when in ("before", "after")
    )
    low, high = bootstrap_interval(after - before, np.mean)
    return {
        "before": float(before.mean()),
        "after": float(after.mean()),
        "gain": float((after - before).mean()),
        "gain_interval": [low, high],
        "structures": by_structure,
        "objects": stored["objects"],
        "seconds_per_object": stored["seconds_per_object"],
    }


if __name__ == "__main__":
    main()
