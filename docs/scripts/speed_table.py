"""Writes the section of docs/speed.md on promptable models from docs/bench-prompt.json.

cardiosam bench prompt --json docs/bench-prompt.json
python docs/scripts/speed_table.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metrics_table import filled, table

from CardioSAMLib.io import write_files
from CardioSAMLib.resources import DEFAULT_PROMPTABLE_ID

DOCS = Path(__file__).resolve().parents[1]
PAGE = DOCS / "speed.md"
TIMINGS = DOCS / "bench-prompt.json"


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    section = prompt_section(json.loads(TIMINGS.read_text(encoding="utf-8")))
    write_files(DOCS, {PAGE.name: filled(page, "prompt", section).encode()})


def prompt_section(timings: Mapping[str, Any]) -> str:
    """The figures of one `cardiosam bench prompt`."""
    models = timings["models"]
    head = (
        "Model",
        "Runtime",
        "Encode, ms",
        "Times as fast",
        "Click, ms",
        "p95",
        "Three structures, ms",
        "p95",
        "Memory, MB",
    )
    rows = [
        (
            name,
            one["runtime"],
            f"{one['encode_ms_median']:.0f} ({one['encodes']})",
            or_dash(one["encode_ratio_to_vit_b_1024"], 1),
            f"{one['click_ms_median']:.0f} ({one['clicks']})",
            f"{one['click_ms_p95']:.0f}",
            f"{one['click_three_ms_median']:.0f}",
            f"{one['click_three_ms_p95']:.0f}",
            or_dash(one["peak_rss_mb"], 0),
        )
        for name, one in models.items()
    ]
    rows_px, columns_px = timings["shape"]
    ours = models[DEFAULT_PROMPTABLE_ID]
    return (
        f"{timings['cores']} cores ({timings['machine']}), slices of {rows_px} x {columns_px} pixels; medians (of so "
        f"many), and the 95th percentile.\n\n{table(head, rows)}\n\n"
        f"The goals for `{DEFAULT_PROMPTABLE_ID}`: a click in under 50 ms at the 95th percentile: "
        f"{ours['click_ms_p95']:.0f} ms for one structure,\n{ours['click_three_ms_p95']:.0f} ms for three. Encoding 50 "
        f"times as fast as the official ViT-B at 1024: {or_dash(ours['encode_ratio_to_vit_b_1024'], 0)} times."
    )


def or_dash(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
