"""How the structures look and what their outlines are called, the same in every picture."""

from __future__ import annotations

from CardioSAMLib.labels import Structure

OUTLINE_NAMES = {
    Structure.LV: "LV endocardium",
    Structure.MYO: "LV epicardium",
    Structure.RV: "RV endocardium",
}
