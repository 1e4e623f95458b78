"""What the promptable model looks at in a study: kept in the scene, as embeddings depend on it."""

from __future__ import annotations

import json
from dataclasses import asdict

from CardioSAMLib.mrml.studies import SceneStudy
from CardioSAMLib.segmentation import HeartBox

_ATTRIBUTE = "CardioSAM.Region"


def region_of(study: SceneStudy) -> HeartBox | None:
    """Where the heart was found; None before that."""
    stored = study.node.GetAttribute(_ATTRIBUTE)
    if stored is None:
        return None
    (row, column), (height_mm, width_mm) = (json.loads(stored)[key] for key in ("center_px", "extent_mm"))
    return HeartBox((row, column), (height_mm, width_mm))


def keep_region(study: SceneStudy, region: HeartBox) -> None:
    """Keeps it with the study, in place of an earlier one."""
    study.node.SetAttribute(_ATTRIBUTE, json.dumps(asdict(region)))
