"""From files to numbers in Slicer's Python console and in scripts without a window; each call returns when it is done.

from CardioSAMLib.mrml import workflow
volume = workflow.load_study("/data/study")
workflow.segment(volume)
print(workflow.measure(volume)["lv"]["ef_percent"])
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from CardioSAMLib.mrml.cines import cine_nodes
from CardioSAMLib.mrml.imports import import_cine
from CardioSAMLib.mrml.packages import check_can_compute
from CardioSAMLib.mrml.session import StudySession
from CardioSAMLib.mrml.slice_views import show_stack
from CardioSAMLib.mrml.studies import SceneStudy
from CardioSAMLib.phantom import make_phantom
from CardioSAMLib.progress import silent
from CardioSAMLib.report import measurements_json
from CardioSAMLib.resources import DEFAULT_MODEL_ID


def load_study(path: Path | str, series: str | None = None) -> Any:
    """The volume node of the cine at a path, in its sequence browser; see `imports.import_cine` for what may be there.

    Raises UnusableInput where it cannot be used, SeveralCines where `series` must say which one.
    """
    return _shown(import_cine(path, series).volume)


def load_phantom() -> Any:
    """The volume node of the built-in beating heart; needs no file and no network."""
    return _shown(cine_nodes(make_phantom().cine, "Phantom").volume)


def segment(volume_node: Any, model: str = DEFAULT_MODEL_ID, frames: Literal["all", "ed-es"] = "all") -> Any:
    """Draws LV, MYO and RV on a cine of the scene; returns the segmentation node.

    Raises UnusableInput, also where the packages are missing that models need.
    """
    check_can_compute()
    session = _session(volume_node)
    session.take_segmentation(session.segment_job(model, frames)(silent))
    return session.study.segmentation


def measure(volume_node: Any) -> dict[str, Any]:
    """The measurements of a segmented cine in the shape of `measurements.json`; tables and chart are updated, too.

    Raises UnusableInput where it was not segmented.
    """
    document: dict[str, Any] = json.loads(measurements_json(_session(volume_node).refresh()))
    return document


def export(volume_node: Any, folder: Path | str) -> tuple[Path, ...]:
    """Writes the files of a segmented cine, those of the command `cardiosam analyze`; returns their paths.

    Raises UnusableInput where it was not segmented, or the folder cannot be written to.
    """
    return _session(volume_node).export_job(folder)(silent)


def _shown(volume_node: Any) -> Any:
    """The same, shown by the slice views, where there are any."""
    show_stack(volume_node)
    return volume_node


def _session(volume_node: Any) -> StudySession:
    return StudySession(SceneStudy.of(volume_node))
