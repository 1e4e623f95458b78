"""Prints how ejection fractions of several models differ from the expert's, and from each other.

    python docs/scripts/ef_agreement.py OUT OUT...

OUT: what `cardiosam evaluate` wrote for each model, on the same patients.
"""

from __future__ import annotations

import argparse
import csv
from itertools import combinations
from pathlib import Path

import numpy as np

from CardioSAMLib.cine import Array


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="+")
    folders = parser.parse_args().out
    for side in ("lv", "rv"):
        predicted = {folder.name: column(folder, f"{side}_ef_percent_predicted") for folder in folders}
        expert = column(folders[0], f"{side}_ef_percent_reference")
        for name, values in predicted.items():
            error = np.abs(values - expert)
            rest = np.delete(error, error.argmax()).mean()
            print(
                f"{side} {name}: error {error.mean():.2f}, median {np.median(error):.2f}, without the worst {rest:.2f}"
            )
        print(f"{side} mean of all: error {np.abs(np.mean(list(predicted.values()), axis=0) - expert).mean():.2f}")
        for one, other in combinations(predicted, 2):
            correlation = np.corrcoef(predicted[one] - expert, predicted[other] - expert)[0, 1]
            apart = np.abs(predicted[one] - predicted[other]).mean()
            print(f"{side} {one}, {other}: {apart:.2f} points apart, errors correlate with {correlation:.3f}")


def column(folder: Path, key: str) -> Array:
    """Of all patients by name. Raises ValueError where one has no such value."""
    with (folder / "studies.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["patient"])
    return np.array([float(row[key]) for row in rows])


if __name__ == "__main__":
    main()
