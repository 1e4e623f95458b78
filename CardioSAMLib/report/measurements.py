"""measurements.json and measurements.csv: the numbers of a study for other programs. Frames and slices are 0-based."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from CardioSAMLib import __version__
from CardioSAMLib.function.cardiac_function import METRICS, VentricleFunction
from CardioSAMLib.report.study import Study

SCHEMA = 1
_DECIMALS = 4


def measurements_json(study: Study) -> bytes:
    """The file, UTF-8; units stand in the names; null where a value cannot be computed."""
    text = json.dumps(_document(study), indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def measurements_csv(study: Study) -> bytes:
    """One row with a header, UTF-8: columns of the study, then each metric as lv_* and rv_*; empty where not known."""
    columns = _study_columns(study)
    for side, ventricle in (("lv", study.function.lv), ("rv", study.function.rv)):
        columns |= {f"{side}_{key}": value for key, value in _ventricle(ventricle).items()}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerow(columns)
    return text.getvalue().encode()


def _document(study: Study) -> dict[str, Any]:
    function = study.function
    return {
        "schema": SCHEMA,
        "cardiosam_version": __version__,
        "title": study.title,
        "model": _model(study),
        "frames": study.cine.frames,
        "ed_frame": function.ed_frame,
        "es_frame": function.es_frame,
        "heart_rate_bpm": _rounded(function.heart_rate_bpm),
        "lv": _ventricle(function.lv),
        "rv": _ventricle(function.rv),
        "curves": _rounded(asdict(function.curves)),
        "quality": [asdict(note) for note in study.sorted_notes],
        "provenance": _provenance(study),
    }


def _model(study: Study) -> dict[str, str | None]:
    """The model's entry of the catalogue; for contours of a person, what the segmentation says of itself."""
    if study.model is not None:
        card = study.model
        return {"id": card.id, "version": card.version, "sha256": card.sha256, "license": card.license}
    drawn_by = study.segmentation.provenance
    return {
        "id": drawn_by.model_id,
        "version": drawn_by.model_version or None,
        "sha256": drawn_by.model_sha256 or None,
        "license": None,
    }


def _provenance(study: Study) -> dict[str, Any]:
    cine, function = study.cine, study.function
    return {
        "source": cine.source,
        "pixels_sha256": _pixels_sha256(study),
        "settings": {**study.segmentation.provenance.settings, **study.settings},
        "patient": _rounded(asdict(cine.patient)),
        "bsa_m2": _rounded(function.bsa_m2),
        "bsa_formula": function.bsa_formula,
        "spacing_mm": _rounded(cine.geometry.spacing_mm),
        "slice_positions_mm": _rounded(cine.geometry.slice_positions_mm),
        "slices": cine.slices,
        "slices_used": {
            "lv_ed": list(function.lv_slices_ed),
            "lv_es": list(function.lv_slices_es),
            "rv_ed": list(function.rv_slices_ed),
            "rv_es": list(function.rv_slices_es),
        },
    }


def _study_columns(study: Study) -> dict[str, Any]:
    function, model = study.function, _model(study)
    severities = Counter(note.severity for note in study.sorted_notes)
    return {
        "title": study.title,
        "source": study.cine.source,
        "pixels_sha256": _pixels_sha256(study),
        "cardiosam_version": __version__,
        "model_id": model["id"],
        "model_version": model["version"],
        "frames": study.cine.frames,
        "slices": study.cine.slices,
        "ed_frame": function.ed_frame,
        "es_frame": function.es_frame,
        "heart_rate_bpm": _rounded(function.heart_rate_bpm),
        **_rounded(asdict(study.cine.patient)),
        "bsa_m2": _rounded(function.bsa_m2),
        "quality_errors": severities["error"],
        "quality_warnings": severities["warning"],
    }


def _pixels_sha256(study: Study) -> str:
    """Tells studies apart without naming a patient."""
    return hashlib.sha256(study.cine.pixels.tobytes()).hexdigest()


def _ventricle(ventricle: VentricleFunction) -> dict[str, float | None]:
    return {metric.key: _rounded(getattr(ventricle, metric.key)) for metric in METRICS}


def _rounded(value: Any) -> Any:
    """Floats with four decimals, also inside dictionaries and sequences; everything else as it is."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_rounded(item) for item in value]
    return round(float(value), _DECIMALS) if isinstance(value, float) else value
