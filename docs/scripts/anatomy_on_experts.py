"""What the anatomical rules do to expert contours, which need none: the cost of `segmentation/anatomy.py`.

python docs/scripts/anatomy_on_experts.py DATA
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.io import load_acdc_patient
from CardioSAMLib.labels import STORAGE, Structure, base_to_apex
from CardioSAMLib.segmentation.anatomy import sensible_anatomy


def main() -> None:
    scores: dict[Structure, list[float]] = {structure: [] for structure in Structure}
    slices = open_at_base = open_below = 0
    for folder in sorted((Path(sys.argv[1]) / "acdc").glob("patient*")):
        patient = load_acdc_patient(folder)
        for labels in patient.labels if patient.labels is not None else ():
            cleaned = sensible_anatomy(labels)
            for structure, values in scores.items():
                value = STORAGE.value_of(structure)
                values.append(dice(labels == value, cleaned == value))
            opened = [_is_open(plane) for plane in labels]
            slices += int((labels == STORAGE.value_of(Structure.LV)).any(axis=(1, 2)).sum())
            basal = sum(opened[number] for number in base_to_apex(labels)[:1])
            open_at_base += basal
            open_below += sum(opened) - basal
    for structure, values in scores.items():
        print(f"{structure.name}: mean Dice {np.mean(values):.4f}, lowest {np.min(values):.3f}")
    print(f"{slices} slices with LV; wall open in {open_at_base} basal and {open_below} other ones")


def _is_open(plane: Array) -> bool:
    around = ndimage.binary_dilation(plane == STORAGE.value_of(Structure.LV))
    return bool((around & (plane < STORAGE.value_of(Structure.MYO))).any())


if __name__ == "__main__":
    main()
