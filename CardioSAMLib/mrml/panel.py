"""All that the panel calls of the library, in one import that it makes at its first action, not when Slicer starts."""

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import Structure
from CardioSAMLib.model_store import remove_model
from CardioSAMLib.mrml import panel_rows, panel_state, workflow
from CardioSAMLib.mrml.desk import Desk
from CardioSAMLib.mrml.packages import can_compute, ensure_packages
from CardioSAMLib.mrml.placing import interaction_node
from CardioSAMLib.mrml.session import Scope
from CardioSAMLib.progress import Cancelled
from CardioSAMLib.resources import (
    AUTOMATIC,
    DEFAULT_MODEL_ID,
    DEFAULT_PROMPTABLE_ID,
    PROMPTABLE,
    find_model,
    load_catalogue,
)

__all__ = [
    "AUTOMATIC",
    "DEFAULT_MODEL_ID",
    "DEFAULT_PROMPTABLE_ID",
    "PROMPTABLE",
    "Cancelled",
    "Desk",
    "Scope",
    "Structure",
    "UnusableInput",
    "can_compute",
    "ensure_packages",
    "find_model",
    "interaction_node",
    "load_catalogue",
    "panel_rows",
    "panel_state",
    "remove_model",
    "workflow",
]
