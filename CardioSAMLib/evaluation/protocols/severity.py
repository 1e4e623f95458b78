"""How much the ejection fraction of the left ventricle is reduced, in the classes of EACVI 2019."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Severity:
    """A class of ejection fractions: from this whole percent up to the next better class."""

    name: str
    lowest_percent: int
    range_text: str


# Both sexes, Petersen et al. 2019 (EACVI). Classes of a cohort for error tables, not grades of a patient.
SEVERITIES = (
    Severity("normal", 57, "≥ 57"),
    Severity("mild", 41, "41–56"),
    Severity("moderate", 30, "30–40"),
    Severity("severe", 0, "< 30"),
)


def severity_of(ef_percent: float) -> Severity:
    """The class of an ejection fraction. The classes are published in whole percent: the value is rounded to the next
    one, halves up, so that 56.5 is normal and 56.4 mild."""
    rounded = math.floor(ef_percent + 0.5)
    return next((severity for severity in SEVERITIES if rounded >= severity.lowest_percent), SEVERITIES[-1])
