"""Writes the section of docs/speed.md on the panel from docs/panel-times.json.

python docs/scripts/measure_panel.py STUDY
python docs/scripts/panel_table.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from metrics_table import filled, table

from CardioSAMLib.io import write_files

DOCS = Path(__file__).resolve().parents[1]
PAGE = DOCS / "speed.md"
TIMES = DOCS / "panel-times.json"
GOAL_CLICK_MS, GOAL_BLOCK_MS = 100, 100
AT_ONCE = ("save", "load")
TITLES = {
    "import": "Import the DICOM folder",
    "segment_ed_es": "Segment end-diastole and end-systole",
    "segment_all": "Segment all frames",
    "undo_all": "Undo that",
    "redo_all": "Redo it",
    "propagate_slice": "Propagate a slice over all frames",
    "propagate_everything": "Propagate to everything not finished",
    "save": "Save the scene (.mrb)",
    "load": "Load it, until the numbers are there",
}


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    section = panel_section(json.loads(TIMES.read_text(encoding="utf-8")))
    write_files(DOCS, {PAGE.name: filled(page, "panel", section).encode()})


def panel_section(times: Mapping[str, Any]) -> str:
    """The figures of one `measure_panel.py`."""
    frames, slices, rows_px, columns_px = times["shape"]
    rows = [(title, *cells([times["actions"][name]])) for name, title in TITLES.items()]
    clicks = times["clicks"]
    rows.insert(3, (f"A click, until the contour follows (median of {len(clicks)})", *cells(clicks)))
    p95_ms, p95_cpu_ms = (
        1e3 * float(np.percentile([click[key] for click in clicks], 95)) for key in ("wall_s", "cpu_s")
    )
    standstill_ms = max(1e3 * times["actions"][name]["block_cpu_s"] for name in TITLES if name not in AT_ONCE)
    return (
        f"{times['cores']} cores ({times['machine']}), load {times['load_1_min']} while it ran; {frames} frames of "
        f"{slices} slices of {rows_px} x {columns_px} pixels.\n\n"
        f"{table(('', 'Takes', 'Computing, all threads', 'Longest standstill', 'Computing in it'), rows)}\n\n"
        f"The goals: a click in under {GOAL_CLICK_MS} ms; here {p95_ms:.0f} ms at the 95th percentile, of which "
        f"{p95_cpu_ms:.0f} ms computing. No standstill over\n{GOAL_BLOCK_MS} ms while a job runs; the main thread "
        f"computed for {standstill_ms:.0f} ms at a stretch at most. Saving and loading are Slicer's\nown, at once."
    )


def cells(waitings: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """Medians of the times, and the longest standstills."""
    medians = (float(np.median([waiting[key] for waiting in waitings])) for key in ("wall_s", "cpu_s"))
    longest = (max(waiting[key] for waiting in waitings) for key in ("block_s", "block_cpu_s"))
    return tuple(map(told, (*medians, *longest)))


def told(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1.0 else f"{1e3 * seconds:.0f} ms"


if __name__ == "__main__":
    main()
