"""Prints the figures of docs/decisions/0009: Dice of the automatic model by noise and by how much images are smoothed.

    python docs/scripts/noise_and_smoothing.py DATA

DATA: the folder that holds `acdc`, `acdc-cine` and `sunnybrook`. First the highest noise of all their patients, then a
table, of every 14th training patient: the constants of `segmentation/noise.py` were chosen
by this table, before its effect was measured on others (`measure_robustness.py`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from unittest.mock import patch

import numpy as np
from metrics_table import table
from scanner_changes import CHANGES, Change

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.evaluation.protocols.splits import read_split
from CardioSAMLib.io import AcdcPatient, load_acdc_patient, load_cine
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.resources import DEFAULT_MODEL_ID, find_model, resources_dir
from CardioSAMLib.segmentation import Segmenter, automatic, segmenter_of
from CardioSAMLib.segmentation.noise import noise_share

SPLIT = "acdc_train80_validation20.json"
EVERY = 14
NOISE = ("none", "noise-5", "noise-10", "noise-20")
SIGMAS_PX = (0.0, 0.7, 1.0, 1.4, 2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    print(f"Highest noise of {len(noise := noise_of_all(data))} cines: {max(noise):.4f}")
    acdc = data / "acdc"
    names = read_split(resources_dir() / "splits" / SPLIT).train[::EVERY]
    patients = [load_acdc_patient(acdc / name) for name in names]
    segmenter = segmenter_of(find_model(DEFAULT_MODEL_ID))
    rows = []
    for change in (change for change in CHANGES if change.key in NOISE):
        found = [measured(segmenter, patient, change) for patient in patients]
        scores, shares = np.mean([scores for scores, _ in found], axis=0), [share for _, share in found]
        rows.append((change.title, f"{min(shares):.3f} to {max(shares):.3f}", *(f"{score:.3f}" for score in scores)))
    print(table(("images", "measured noise", *(f"{sigma:g} px" for sigma in SIGMAS_PX)), rows))


def noise_of_all(data: Path) -> list[float]:
    """Of the first frame of every cine."""
    cines = [load_acdc_patient(folder).cine for folder in sorted((data / "acdc").glob("patient*"))]
    others = (*(data / "acdc-cine").glob("*/*_4d.nii.gz"), *(data / "sunnybrook").glob("SCD*/dicom"))
    return [noise_share(cine.pixels[0]) for cine in (*cines, *map(load_cine, sorted(others)))]


def measured(segmenter: Segmenter, patient: AcdcPatient, change: Change) -> tuple[list[float], float]:
    """Dice at each smoothing, and the noise that is measured in the first frame."""
    assert patient.labels is not None
    cine, labels = change.make(patient.cine, patient.labels)
    scores = []
    for sigma_px in SIGMAS_PX:
        with patch.object(automatic, "smoothing_px", lambda _, sigma_px=sigma_px: sigma_px):
            try:
                drawn = segmenter.segment(cine, (0, 1)).labels
            except UnusableInput:
                drawn = np.zeros_like(labels)
        values = [STORAGE.value_of(structure) for structure in Structure]
        scores.append(float(np.mean([dice(drawn[f] == v, labels[f] == v) for f in (0, 1) for v in values])))
    return scores, noise_share(cine.pixels[0])


if __name__ == "__main__":
    main()
