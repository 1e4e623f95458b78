"""The demonstration (floor 4): the whole way from DICOM files to the report, on a heart whose volumes are known."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from CardioSAMLib.analysis import AnalysisOptions, analyze
from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.function import METRICS, CardiacFunction
from CardioSAMLib.io import DicomLayout, check_writable, write_dicom
from CardioSAMLib.phantom import PhantomTruth, make_phantom
from CardioSAMLib.progress import Progress, part_of, silent
from CardioSAMLib.report import Comparison

DICOM_FOLDER = "phantom-dicom"


@dataclass(frozen=True)
class DemoResult:
    """Measured beside true values, and where the files are."""

    comparisons: tuple[Comparison, ...]
    dicom_folder: Path
    report: Path


def run_demo(out: Path, progress: Progress = silent) -> DemoResult:
    """Writes the phantom as a DICOM study, one series per slice as scanners do, and analyzes that folder.

    Raises UnusableInput if `out` cannot be written to.
    """
    check_writable(out)
    dicom_folder = out / DICOM_FOLDER
    if dicom_folder.is_dir():
        shutil.rmtree(dicom_folder)  # of an earlier demonstration
    elif dicom_folder.exists():
        raise UnusableInput(f"{dicom_folder} is a file; remove it, or give another output folder.")
    progress(0.0, "making the phantom")
    phantom = make_phantom()
    progress(0.1, "writing its DICOM files")
    write_dicom(phantom.cine, dicom_folder, DicomLayout.SERIES_PER_SLICE)
    result = analyze(dicom_folder, out, AnalysisOptions(title="Built-in phantom"), part_of(progress, 0.15, 1.0))
    return DemoResult(_compared(result.study.function, phantom.truth), dicom_folder, out / "report.html")


def _compared(function: CardiacFunction, truth: PhantomTruth) -> tuple[Comparison, ...]:
    rows: list[Comparison] = []
    for ventricle, measured, true in (("LV", function.lv, truth.lv), ("RV", function.rv, truth.rv)):
        true_values = {"edv_ml": true.edv_ml, "esv_ml": true.esv_ml, "ef_percent": true.ef_percent}
        if ventricle == "LV":
            true_values["mass_ed_g"] = truth.mass_g
        rows += [
            Comparison(
                f"{ventricle} {metric.title.lower()}",
                metric.unit,
                metric.digits,
                getattr(measured, metric.key),
                true_values[metric.key],
            )
            for metric in METRICS
            if metric.key in true_values
        ]
    return tuple(rows)
