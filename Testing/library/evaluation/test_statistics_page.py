"""The claim that every number of the worked example in docs/statistics.md is what the code computes from its data."""

import re
from pathlib import Path

import pytest

from CardioSAMLib.evaluation.agreement import agreement
from CardioSAMLib.evaluation.bland_altman import AgreementOptions, bland_altman
from CardioSAMLib.evaluation.comparison import compare_paired
from CardioSAMLib.evaluation.limit_intervals import LimitsInterval

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "statistics.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.split("## Worked example")[1].split("\n## ")[0]


def readings(meter):
    return [float(number) for number in re.search(rf"^\| {meter} \| ([\d ]+) \|$", EXAMPLE, re.M).group(1).split()]


def span(pair, digits):
    return f"{pair[0]:.{digits}f} to {pair[1]:.{digits}f}"


def upper_limit(method):
    options = AgreementOptions(limits_interval=method)
    return span(bland_altman(readings("mini Wright"), readings("Wright"), options).upper_ci, 1)


@pytest.fixture(scope="module")
def computed():
    reference, predicted = readings("mini Wright"), readings("Wright")
    found, paired = agreement(reference, predicted), compare_paired(predicted, reference)
    limits, at_2 = found.bland_altman, bland_altman(reference, predicted, AgreementOptions(multiplier=2.0))
    return {
        "bias (95 % interval)": f"{limits.bias:.1f} ({span(limits.bias_ci, 1)})",
        "SD": f"{limits.sd:.1f}",
        "limits at 1.96 SD": span((limits.lower, limits.upper), 1),
        "limits at 2 SD": span((at_2.lower, at_2.upper), 1),
        "upper limit, exact pair": upper_limit(LimitsInterval.EXACT_PAIR),
        "upper limit, exact single": upper_limit(LimitsInterval.EXACT_SINGLE),
        "upper limit, approximate": upper_limit(LimitsInterval.APPROXIMATE),
        "proportional bias (p)": f"{limits.slope:.3f} ({limits.slope_p:.2f})",
        "Pearson r": f"{found.pearson_r:.3f}",
        "r²": f"{found.pearson_r_squared:.3f}",
        "coefficient of determination": f"{found.determination:.3f}",
        "ICC(2,1)": f"{found.icc_2_1.value:.3f} ({span(found.icc_2_1.ci, 3)})",
        "ICC(3,1)": f"{found.icc_3_1.value:.3f} ({span(found.icc_3_1.ci, 3)})",
        "CCC": f"{found.ccc:.3f}",
        "MAE": f"{found.mae:.1f}",
        "RMSE": f"{found.rmse:.1f}",
        "CV": f"{found.cv_percent:.1f} %",
        "paired t p": f"{paired.t_p:.2f}",
        "Wilcoxon p": f"{paired.wilcoxon_p:.2f}",
        "d_z": f"{paired.d_z:.2f}",
        "d, pooled SD": f"{paired.d_pooled:.2f}",
    }


def test_the_worked_example_is_computed_from_its_data(computed):
    table = EXAMPLE.split("| number | value |")[1]
    written = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", table, re.M))
    assert written == computed
