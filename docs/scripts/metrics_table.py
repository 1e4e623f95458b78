"""Writes the tables of docs/metrics.md that follow from the registry of metrics and from docs/metrics-timing.json.

cardiosam bench evaluate ../shared/data/acdc/patient001 --json docs/metrics-timing.json
python docs/scripts/metrics_table.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from CardioSAMLib.evaluation.metrics import METRICS, STUDY_METRICS
from CardioSAMLib.io import write_files

DOCS = Path(__file__).resolve().parents[1]
PAGE = DOCS / "metrics.md"
TIMING = DOCS / "metrics-timing.json"


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    write_files(DOCS, {PAGE.name: with_tables(page).encode()})


def with_tables(page: str) -> str:
    """The page with its tables as the registry has them, and with the timings of the last run."""
    page = filled(page, "metrics", metrics_table())
    page = filled(page, "measurements", measurements_table())
    return filled(page, "timing", timing_section(json.loads(TIMING.read_text(encoding="utf-8"))))


def metrics_table() -> str:
    rows = [
        (
            f"`{metric.key}`",
            metric.title,
            metric.unit or "share",
            metric.better,
            " and ".join(f"{dimensions}D" for dimensions in metric.dimensions),
            metric.definition,
        )
        for metric in METRICS
    ]
    return table(("Key", "Metric", "Unit", "Better", "Masks", "Definition"), rows)


def measurements_table() -> str:
    rows = [(f"`{metric.key}`", metric.title, metric.unit, metric.error_unit) for metric in STUDY_METRICS]
    return table(("Key", "Measurement", "Unit", "Unit of the error"), rows)


def timing_section(timings: Mapping[str, Any]) -> str:
    """The figures of one `cardiosam bench evaluate`."""
    rows = []
    for frame in timings["frames"]:
        rows.append((frame["prediction"], "CardioSAM", str(frame["metrics"]), f"{frame['ms']:.0f}", "", ""))
        for name, library in frame["libraries"].items():
            times = (f"{library['ms']:.0f}", f"{library['ours_ms']:.0f}", f"{library['ratio']:.1f}")
            rows.append((frame["prediction"], name, str(library["metrics"]), *times))
    slices, height, width = timings["shape"]
    patient, versions = timings["patient"], timings["versions"]
    head = ("Prediction", "Library", "Metrics", "ms", "CardioSAM, same metrics, ms", "Ratio")
    return (
        f"{timings['structures']} structures of {timings['source']} at end-diastole, {slices} x {height} x {width} "
        f"voxels, on one core, medians of {timings['repeats']} runs\n"
        f"({', '.join(f'{name} {version}' for name, version in versions.items())}).\n"
        "Machines differ and are noisy: trust the ratios.\n\n"
        f"{table(head, rows)}\n\n"
        f"A whole patient, both phases: all 3D metrics of the structures {patient['volumes_ms']:.0f} ms, all 2D "
        f"metrics of all slices {patient['slices_ms']:.0f} ms;\n"
        f"that is {patient['patients_per_minute']:.0f} patients per minute and core."
    )


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def filled(page: str, name: str, content: str) -> str:
    """The page with new content between the comments `<!-- name -->` and `<!-- end of name -->`."""
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = page.partition(first)
    _, found, after = rest.partition(last)
    if not found:
        raise ValueError(f"The page has no place for {name}; put the lines {first} and {last} there.")
    return f"{before}{first}\n{content}\n{last}{after}"


if __name__ == "__main__":
    main()
