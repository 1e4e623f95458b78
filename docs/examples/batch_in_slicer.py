"""Measures all studies of a folder in 3D Slicer, without a window, and writes one table with a row per study.

    Slicer --no-splash --no-main-window --python-script docs/examples/batch_in_slicer.py STUDIES TABLE.csv

STUDIES holds a study in each of its folders (DICOM, ACDC) and files (4D NIfTI, NRRD, MetaImage). A study that cannot be
used gets a row that says why. Slicer must have onnxruntime: press Segment once in the panel. Without Slicer: `cardiosam
analyze` for each study.
"""

import argparse
import csv
import sys
from pathlib import Path

import slicer

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.function import METRICS
from CardioSAMLib.io import SeveralCines
from CardioSAMLib.mrml import workflow

COLUMNS = (
    "study",
    "ed_frame",
    "es_frame",
    "heart_rate_bpm",
    *(f"{ventricle}_{metric.key}" for ventricle in ("lv", "rv") for metric in METRICS),
    "quality_errors",
    "problem",
)


def main(arguments):
    """Returns the exit status: 0, or 3 if a study could not be used or its numbers must be checked."""
    parser = argparse.ArgumentParser(description="Measures all cine MR studies of a folder.")
    parser.add_argument("studies", type=Path, help="folder with a study in each of its folders and files")
    parser.add_argument("table", type=Path, help="CSV file to write")
    parser.add_argument("--frames", choices=("all", "ed-es"), default="all")
    options = parser.parse_args(arguments)
    found_problem = False
    with options.table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for path in sorted(options.studies.iterdir()):
            row = row_of(path, options.frames)
            found_problem |= bool(row["problem"] or row.get("quality_errors"))
            writer.writerow(row)
            file.flush()  # what is done is on disk, whatever happens to the next study
            print(f"{path.name}: {row['problem'] or 'measured'}")
            slicer.mrmlScene.Clear(False)
    return 3 if found_problem else 0


def row_of(path, frames):
    """The measurements of the study at a path by the names of COLUMNS; of one that cannot be used, the problem."""
    try:
        volume = workflow.load_study(path)
        workflow.segment(volume, frames=frames)
        measured = workflow.measure(volume)
    except SeveralCines as several:
        found = "; ".join(candidate.description for candidate in several.candidates)
        problem = several.doubt or f"It holds several cines; give each a folder of its own: {found}"
        return {"study": path.name, "problem": problem}
    except UnusableInput as error:
        return {"study": path.name, "problem": str(error).splitlines()[0]}
    row = {"study": path.name, "problem": ""}
    row |= {column: measured[column] for column in ("ed_frame", "es_frame", "heart_rate_bpm")}
    row |= {f"{ventricle}_{key}": value for ventricle in ("lv", "rv") for key, value in measured[ventricle].items()}
    errors = [note["code"] for note in measured["quality"] if note["severity"] == "error"]
    return {**row, "quality_errors": " ".join(errors)}


if __name__ == "__main__":
    status = 1
    try:
        status = main(sys.argv[1:])
    finally:  # without a window nobody could close Slicer
        slicer.util.exit(status)
