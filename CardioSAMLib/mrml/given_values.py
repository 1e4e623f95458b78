"""What a reader says of a patient where the files do not, or are wrong: kept with the study in the scene."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from CardioSAMLib.cine import Patient
from CardioSAMLib.mrml.studies import SceneStudy

_ATTRIBUTE = "CardioSAM.Given"


@dataclass(frozen=True)
class GivenValues:
    """Values that are not None replace those of the files. Raises UnusableInput for sizes that cannot be."""

    heart_rate_bpm: float | None = None
    patient: Patient = field(default_factory=Patient)


def given_values(study: SceneStudy) -> GivenValues:
    """What was given for a study."""
    stored = json.loads(study.node.GetAttribute(_ATTRIBUTE) or "{}")
    return GivenValues(stored.get("heart_rate_bpm"), Patient(**stored.get("patient", {})))


def keep_given_values(study: SceneStudy, given: GivenValues) -> None:
    """Keeps values with a study, in place of those given before."""
    study.node.SetAttribute(_ATTRIBUTE, json.dumps(asdict(given)))
