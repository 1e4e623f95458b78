"""Measurements and quality rules on the reference contours of the 100 ACDC patients."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from CardioSAMLib.function import measure
from CardioSAMLib.io import load_acdc_patient
from CardioSAMLib.labels import CineSegmentation, Provenance
from CardioSAMLib.quality import RULES, check

# EDV, ESV in mL, LVEF, RVEF in %, mass at end-diastole in g, counted on the reference masks.
GROUP_MEANS = {
    "DCM": (284.6, 233.1, 18.4, 31.8, 170.2),
    "HCM": (129.1, 42.2, 67.4, 59.8, 177.0),
    "MINF": (172.2, 119.3, 31.0, 55.5, 123.0),
    "NOR": (130.1, 51.7, 60.3, 55.1, 102.4),
    "RV": (107.1, 49.0, 54.7, 31.4, 77.2),
}


@pytest.fixture(scope="module")
def patients(data_dir):
    """name -> (group, measurements, quality report) of the reference contours."""
    measured = {}
    for folder in sorted((data_dir / "acdc").glob("patient*")):
        patient = load_acdc_patient(folder)
        segmentation = CineSegmentation(patient.labels, (0, 1), Provenance("expert"))
        function = measure(patient.cine, segmentation)
        measured[patient.name] = (patient.group, function, check(patient.cine, segmentation, function))
    return measured


def test_patient001_has_the_published_volumes_and_mass(patients):
    function = patients["patient001"][1]
    assert function.lv.edv_ml == pytest.approx(295.5, abs=0.05)
    assert function.lv.esv_ml == pytest.approx(225.6, abs=0.05)
    assert function.lv.ef_percent == pytest.approx(23.65, abs=0.005)
    assert function.lv.mass_ed_g == pytest.approx(172.5, abs=0.05)


@pytest.mark.parametrize("group", GROUP_MEANS)
def test_the_groups_have_their_mean_volumes_and_masses(patients, group):
    functions = [function for name, function, _ in patients.values() if name == group]
    values = [(f.lv.edv_ml, f.lv.esv_ml, f.lv.ef_percent, f.rv.ef_percent, f.lv.mass_ed_g) for f in functions]
    assert len(functions) == 20
    assert np.mean(values, axis=0) == pytest.approx(GROUP_MEANS[group], abs=0.06)


def test_no_error_rule_rejects_more_than_five_percent_of_the_experts_contours(patients):
    alarms = Counter()
    for _, _, report in patients.values():
        alarms.update({note.code for note in report.notes if note.severity == "error"})
    errors = {rule.code for rule in RULES if rule.severity == "error"}
    assert len(patients) == 100
    assert {code: alarms[code] for code in errors if alarms[code] > 5} == {}


def test_no_warning_rule_speaks_of_more_than_a_fifth_of_the_patients(patients):
    """A warning that is always there is not read."""
    speaking = defaultdict(set)
    for name, (_, _, report) in patients.items():
        for note in report.notes:
            if note.severity == "warning":
                speaking[note.code].add(name)
    warnings = {rule.code for rule in RULES if rule.severity == "warning"}
    assert {code: len(speaking[code]) for code in warnings if len(speaking[code]) > 20} == {}
