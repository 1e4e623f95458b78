"""All files of an analysis, and writing them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from CardioSAMLib.io import write_files
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.report.contours import contours_png
from CardioSAMLib.report.curves import curves_csv, curves_png
from CardioSAMLib.report.html_report import report_html
from CardioSAMLib.report.measurements import measurements_csv, measurements_json
from CardioSAMLib.report.segmentation_file import segmentation_nifti
from CardioSAMLib.report.study import Study


@dataclass(frozen=True)
class Output:
    """A file of the output folder. content: gives its bytes. doing: what the user reads meanwhile."""

    name: str
    content: Callable[[Study], bytes]
    doing: str


OUTPUTS = (
    Output("measurements.json", measurements_json, "writing the measurements"),
    Output("measurements.csv", measurements_csv, "writing the measurements"),
    Output("segmentation.nii.gz", segmentation_nifti, "packing the labels"),
    Output("curves.csv", curves_csv, "writing the curves"),
    Output("curves.png", curves_png, "drawing the curves"),
    Output("contours.png", contours_png, "drawing the contours"),
    Output("report.html", report_html, "writing the report"),
)


def write_outputs(
    study: Study, out_dir: Path, progress: Progress = silent, outputs: Sequence[Output] = OUTPUTS
) -> tuple[Path, ...]:
    """Writes files into a folder, all of OUTPUTS or those given; returns their paths. A missing folder is made.

    Nothing is written before all of them are ready, see `write_files` for what happens if that fails.
    Raises UnusableInput where the folder cannot be written to or is full; lets `Cancelled` pass.
    """
    contents = {}
    for number, output in enumerate(outputs):
        progress(number / len(outputs), output.doing)
        contents[output.name] = output.content(study)
    paths = write_files(out_dir, contents)
    progress(1.0, "done")
    return paths
