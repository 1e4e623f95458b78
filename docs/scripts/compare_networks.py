"""Writes docs/networks.json and its table in docs/validation.md: decoders and networks, all trained on as many slices.

    python docs/scripts/compare_networks.py DATA --work FOLDER [--slices 3000]

DATA: the folder that holds `acdc`. FOLDER keeps trainings and scores, so that a stopped run goes on. Each row is a
configuration of `Resources/Configs` with fewer steps, trained on the 80 patients of the split and scored on its 20
validation patients by `cardiosam evaluate`. An hour and a half on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from drawing_code import drawing_code
from own_models import own_models
from write_validation import DOCS, JSON, NETWORKS, write_page

from CardioSAMLib.bench_networks import NetworkTiming, TimedNetwork, measure_networks
from CardioSAMLib.evaluation.patient_values import patient_values
from CardioSAMLib.evaluation.protocols.splits import read_split
from CardioSAMLib.evaluation.protocols.tables import ef_errors
from CardioSAMLib.evaluation.result import EvaluationResult
from CardioSAMLib.evaluation_run.options import EvaluationOptions, HeartBoxChoice
from CardioSAMLib.evaluation_run.run import evaluate
from CardioSAMLib.io import write_files
from CardioSAMLib.resources import find_model, resources_dir
from CardioSAMLib.training.configuration import TrainingConfiguration, configuration_path, read_configuration
from CardioSAMLib.training.networks import build_network
from CardioSAMLib.training_run.encoders import open_encoder
from CardioSAMLib.training_run.run import TrainingOptions, train_automatic

COMMAND = "python docs/scripts/compare_networks.py DATA --work FOLDER"
ENCODER = "cardiosam-unet25d"
"""That the decoders look through; it also stands in the table, as it ships."""
DECODERS = ("jain-r0", "jain-r1", "jain-r2", "jain-r3", "jain-r4", "linear")
NETWORKS_ALONE = ("cardiosam-unet25d", "unet31", "deeplabv3plus", "deeplabv3-r50", "transunet")
CONFIGURATIONS = (*NETWORKS_ALONE, *DECODERS)
SLICES, BATCH, WARM_UP_SHARE = 3000, 8, 0.05
SPLIT = "acdc_train80_validation20.json"
KEPT = ("parameters", "parameters_that_learn", "seconds", "export_difference", "precision")
METRICS = ("dice", "iou", "hd95_mm", "assd_mm")
CROP_PX, STACK = 96, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--slices", type=int, default=SLICES)
    given = parser.parse_args()
    acdc, work = given.data / "acdc", given.work / f"{given.slices}"
    rows: dict[str, dict[str, Any]] = {}
    with own_models(work / "models"):
        for name in CONFIGURATIONS:
            print(name, flush=True)
            configuration = shortened(name, given.slices)
            record = trained(configuration, acdc, work)
            rows[name] = {**record, **scores(configuration.name, acdc, work)}
        shipped = scores(ENCODER, acdc, work)
    for name, timing in timings().items():
        rows[name] |= {"ms_per_slice": timing.ms_per_slice, "peak_rss_mb": timing.peak_rss_mb}
    result = {
        "command": COMMAND if given.slices == SLICES else f"{COMMAND} --slices {given.slices}",
        "slices": given.slices,
        "batch": BATCH,
        "crop_px": CROP_PX,
        "shipped": {"id": ENCODER, **shipped},
        "rows": rows,
    }
    write_files(DOCS, {NETWORKS.name: (json.dumps(result, indent=1) + "\n").encode()})
    write_page(json.loads(JSON.read_text(encoding="utf-8")), DOCS)


def shortened(name: str, slices: int) -> TrainingConfiguration:
    """A configuration that ships, for so many slices: the same schedule, shorter."""
    configuration = read_configuration(configuration_path(name))
    assert isinstance(configuration, TrainingConfiguration)
    steps = slices // BATCH
    optimizer = configuration.optimizer
    warm_up = round(WARM_UP_SHARE * steps) if optimizer.warm_up_steps else 0
    # An average over the last hundreds of steps would hold the first, random weights.
    decay = min(optimizer.ema_decay, 1.0 - 5.0 / steps)
    return replace(
        configuration,
        name=f"{name}-{slices}",
        size_px=CROP_PX,
        batch=BATCH,
        steps=steps,
        validate_every=steps,
        optimizer=replace(optimizer, warm_up_steps=warm_up, ema_decay=decay),
    )


def trained(configuration: TrainingConfiguration, acdc: Path, work: Path) -> dict[str, Any]:
    """Trains where that is not done; what its record says of size and time."""
    out = work / "models" / configuration.name
    if not (out / "record.json").is_file():
        split = read_split(resources_dir() / "splits" / SPLIT)
        options = TrainingOptions(configuration.name, out, acdc, device="cpu")
        train_automatic(configuration, split, options, lambda share, what: print(f"  {share:4.0%} {what}", end="\r"))
        (out / "checkpoint.pt").unlink(missing_ok=True)
        shutil.rmtree(out / "features", ignore_errors=True)
    record = json.loads((out / "record.json").read_text(encoding="utf-8"))
    if record["configuration"] != json.loads(json.dumps(configuration.what_decides_the_weights())):
        raise SystemExit(f"{out} was trained with another configuration; give another FOLDER, or delete it.")
    return {key: record[key] for key in KEPT}


def scores(model_id: str, acdc: Path, work: Path) -> dict[str, Any]:
    """Means over the validation patients. The reference places the box around the heart: networks are compared here,
    not how they find it, which the rows that see crops of hearts alone have not learned."""
    key = f"{model_id}-{find_model(model_id).sha256[:12]}-{drawing_code()}"
    file = work / "scores" / f"{key}.json"
    if not file.is_file():
        options = EvaluationOptions(
            model_id, protocol="train80-validation20", heart_box=HeartBoxChoice.reference, workers=os.cpu_count() or 1
        )
        result = evaluate(acdc, work / "evaluations" / key, options).result
        write_files(file.parent, {file.name: json.dumps(summary(result)).encode()})
    stored: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return stored


def summary(result: EvaluationResult) -> dict[str, Any]:
    """Errors of ejection fractions: None where a structure was missed in every patient."""
    values: dict[str, Any] = {key: float(np.mean(list(patient_values(result.scored, key).values()))) for key in METRICS}
    for side in ("lv", "rv"):
        errors = ef_errors(result.scored, side)
        values[f"{side}_ef_mae_points"] = float(np.mean(np.abs(errors))) if errors else None
        values[f"{side}_ef_patients"] = len(errors)
    return {"patients": len(result.scored), **values}


def timings() -> dict[str, NetworkTiming]:
    """Of all networks in one run, taking turns."""
    networks = [TimedNetwork(name, partial(made, name), CROP_PX, STACK) for name in CONFIGURATIONS]
    measured = measure_networks(networks).networks
    return {name: measured[name] for name in CONFIGURATIONS}


def made(name: str) -> Any:
    """The network of a configuration with fresh weights."""
    configuration = read_configuration(configuration_path(name))
    assert isinstance(configuration, TrainingConfiguration)
    encoder = open_encoder(configuration.network, None)
    choice = configuration.network
    return build_network(choice.kind, choice.options, encoder.network if encoder else None)


if __name__ == "__main__":
    main()
