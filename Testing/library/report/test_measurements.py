import csv
import io
import json
import math
from dataclasses import replace

import pytest

from CardioSAMLib import __version__
from CardioSAMLib.cine import QualityNote
from CardioSAMLib.function import METRICS, VentricleFunction
from CardioSAMLib.report import measurements_csv, measurements_json

# What other programs read.
CONTRACT = {
    "schema",
    "cardiosam_version",
    "model",
    "frames",
    "ed_frame",
    "es_frame",
    "heart_rate_bpm",
    "lv",
    "rv",
    "curves",
    "quality",
    "provenance",
}
CURVES = {"frames", "times_ms", "lv_ml", "rv_ml", "myocardium_ml", "lv_smooth_ml", "rv_smooth_ml"}


def csv_row(study):
    rows = list(csv.DictReader(io.StringIO(measurements_csv(study).decode("utf-8"))))
    assert len(rows) == 1
    return rows[0]


def test_the_json_has_every_field_of_the_contract(study):
    document = json.loads(measurements_json(study))
    assert document.keys() >= CONTRACT
    assert document["curves"].keys() == CURVES
    assert document["lv"].keys() == document["rv"].keys() == {metric.key for metric in METRICS}
    assert document["provenance"].keys() >= {"source", "settings", "patient", "spacing_mm", "slices_used"}


def test_the_json_says_what_was_measured_on_what(study):
    document = json.loads(measurements_json(study))
    assert (document["schema"], document["cardiosam_version"], document["frames"]) == (1, __version__, 4)
    assert (document["ed_frame"], document["es_frame"], document["heart_rate_bpm"]) == (0, 2, 62.5)
    assert document["model"] == {"id": "some-net", "version": "7", "sha256": "ab" * 32, "license": "CC BY-NC-SA 4.0"}
    provenance = document["provenance"]
    assert provenance["settings"] == {"flips": "on", "Frames": "all"}
    assert provenance["patient"] == {"sex": "F", "age_years": 54.0, "height_cm": 171.0, "weight_kg": 70.5}
    assert provenance["spacing_mm"] == [1.5, 1.25, 9.0]
    assert provenance["slices_used"] == {"lv_ed": [0, 1, 2], "lv_es": [0, 2], "rv_ed": [1, 2], "rv_es": []}


def test_numbers_have_at_most_four_decimals(study):
    document = json.loads(measurements_json(study))
    assert document["lv"]["edv_ml"] == 151.2346
    assert document["curves"]["lv_ml"][0] == 151.2346
    assert document["provenance"]["bsa_m2"] == 1.8346


def test_what_cannot_be_computed_is_null_in_json_and_empty_in_csv(bare_study):
    document, row = json.loads(measurements_json(bare_study)), csv_row(bare_study)
    assert (document["es_frame"], document["heart_rate_bpm"], document["curves"]["times_ms"]) == (None, None, None)
    assert (document["lv"]["ef_percent"], document["rv"]["edv_ml"]) == (None, None)
    assert (row["es_frame"], row["heart_rate_bpm"], row["lv_ef_percent"], row["rv_edv_ml"]) == ("", "", "", "")


def test_contours_of_a_person_have_an_id_and_nothing_else(bare_study):
    model = json.loads(measurements_json(bare_study))["model"]
    assert model == {"id": "expert", "version": None, "sha256": None, "license": None}


def test_notes_are_listed_with_frame_and_slice(make_study):
    notes = (QualityNote("far", "info", "far off"), QualityNote("gap", "error", "a gap", frame=0, slice=2))
    quality = json.loads(measurements_json(make_study(notes=notes)))["quality"]
    assert quality == [
        {"code": "gap", "severity": "error", "message": "a gap", "frame": 0, "slice": 2},
        {"code": "far", "severity": "info", "message": "far off", "frame": None, "slice": None},
    ]


def test_a_number_that_is_none_is_never_written(make_study):
    study = make_study()
    broken = replace(study, function=replace(study.function, lv=VentricleFunction(edv_ml=math.nan)))
    with pytest.raises(ValueError, match="JSON"):
        measurements_json(broken)


def test_the_csv_has_a_column_per_metric_and_ventricle(study):
    row = csv_row(study)
    metrics = {f"{side}_{metric.key}" for side in ("lv", "rv") for metric in METRICS}
    assert metrics <= row.keys()
    assert (row["lv_edv_ml"], row["rv_ef_percent"], row["lv_mass_ed_g"]) == ("151.2346", "52.8224", "112.34")
    assert (row["title"], row["model_id"], row["frames"], row["slices"]) == ("Study of a test", "some-net", "4", "3")


def test_the_csv_counts_errors_and_warnings(make_study):
    notes = tuple(QualityNote("c", severity, str(n)) for n, severity in enumerate(("error", "warning", "warning")))
    row = csv_row(make_study(notes=notes))
    assert (row["quality_errors"], row["quality_warnings"]) == ("1", "2")


def test_text_of_any_language_quotes_and_line_breaks_survive(make_study):
    title = 'Grüße, "心臓"\nzwei'
    study = make_study(title=title)
    assert csv_row(study)["title"] == title
    assert json.loads(measurements_json(study))["title"] == title
    assert "心臓".encode() in measurements_json(study)
