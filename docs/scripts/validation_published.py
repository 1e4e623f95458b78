"""The parts of the page on validation that set published figures, from Resources/published, beside ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from validation_markdown import Record, bullets, records, table_with_remarks, title_of, value, wrapped

from CardioSAMLib.evaluation.html_parts import NO_VALUE, number
from CardioSAMLib.evaluation.metrics import STUDY_METRICS
from CardioSAMLib.evaluation.protocols.jain import THIS_RUN
from CardioSAMLib.evaluation.resources_table import MEASURED_PROMPTING
from CardioSAMLib.resources import resources_dir

Content = Mapping[str, Any]
OURS = "**this run**"
JAIN_TABLES = ("jain_table_1", "jain_table_4", "jain_table_7", "jain_table_8")


def paper_tables(content: Content) -> str:
    """Tables I, IV, VII and VIII of the CardioSAM paper, ours first."""
    published = _published("jain_2026.json")
    parts = [
        "## The tables of the CardioSAM paper",
        wrapped(f"{published['citation']}. {published['note']}"),
    ]
    for key in JAIN_TABLES:
        rows = records(content, key)
        titles = [title for title in rows[0] if title not in ("source", "caveat")]
        shown = [(_paper_cells(row, titles), row["caveat"] or "") for row in rows]
        parts += [
            f"### {title_of(content, key)}",
            table_with_remarks(["source", *titles], shown, text_columns=2),
            wrapped(published["tables"][key]["note"]),
        ]
    return "\n\n".join(parts)


def resources_section(content: Content) -> str:
    """What the model costs, beside the rows of the efficiency paper."""
    ours, published = content["resources"], _published("ferreira_2023.json")
    rows = [(_resource_row(OURS, content["evaluation"]["model"]["id"], ours, "seconds_per_study"), "")]
    rows += [
        (_resource_row(published["short_name"], row["system"], row, "seconds"), published["note"])
        for row in published["rows"]
    ]
    titles = (
        *("source", "system", "parameters (millions)", "file (MB)", "computing (s)", "peak memory (MiB)"),
        *("prompts per study", "prompting (min per study)"),
    )
    text = (
        f"Ours on {content['cpu_cores']} CPU cores, both frames of a study, median over the patients; the memory is "
        "that of the whole evaluation. One box per study, drawn by a person instead of found by the model, would take "
        f"{number(MEASURED_PROMPTING.minutes(1.0), 2)} min ({MEASURED_PROMPTING.source})."
    )
    return "\n\n".join(("## Resources", table_with_remarks(titles, rows, text_columns=2), wrapped(text)))


def literature_section(content: Content, folds: Content) -> str:
    """Published figures on ACDC, what is ours, what is not comparable, and what was not reproduced.

    folds: what `cross_validate.py` writes.
    """
    published = _published("acdc_literature.json")
    return "\n\n".join(
        (
            "## Published numbers beside ours",
            wrapped(published["note"]),
            "### Dice, mean of LV, myocardium and RV, ED and ES",
            _mean_dice(content, folds, published),
            "### Dice by structure and frame",
            _structure_dice(content, published),
            "### Maximum Hausdorff distance of the LV, mm",
            _hausdorff(content, published),
            "### Differences between human readers",
            _readers(content, published),
            "### What is ours",
            bullets(_ours(content)),
            "### What is not comparable, and why",
            bullets(published["not_comparable"]),
            "### What was not reproduced",
            bullets(published["not_reproduced"]),
            "### Claims of the papers that are not repeated here",
            bullets(published["claims_not_repeated"]),
        )
    )


def protocol_in_words(content: Content) -> str:
    scored = content["evaluation"]["counts"]["scored"]
    return f"{scored} validation patients, one training run"


def _mean_dice(content: Content, folds: Content, published: Mapping[str, Any]) -> str:
    dice = records(content, "jain_table_1")[0]["Dice (%)"]
    rows = [((OURS, protocol_in_words(content), number(dice, 2)), "")]
    patients = folds["patients"]
    trained = f"{len({row['fold'] for row in patients})}-fold cross-validation, {len(patients)} patients"
    of_folds = number(100.0 * fmean(row["dice"] for row in patients), 2)
    rows.append((("**ours, the design trained anew**", trained, of_folds), "20 of them chose the design"))
    rows += [((row["source"], row["protocol"], row["dice_percent"]), row["caveat"]) for row in published["mean_dice"]]
    return table_with_remarks(("source", "protocol", "Dice (%)"), rows, text_columns=2)


def _structure_dice(content: Content, published: Mapping[str, Any]) -> str:
    places = [(structure, phase) for structure in ("LV", "MYO", "RV") for phase in ("ED", "ES")]
    ours = [value(_mean(content, "Dice", *place), "") for place in places]
    rows = [((OURS, protocol_in_words(content), *ours), "")]
    for row in published["structure_dice"]:
        cells = [value(row.get(structure, {}).get(phase), "") for structure, phase in places]
        rows.append(((row["source"], row["protocol"], *cells), row["caveat"]))
    titles = ("source", "protocol", *(f"{structure} {phase}" for structure, phase in places))
    return table_with_remarks(titles, rows, text_columns=2)


def _hausdorff(content: Content, published: Mapping[str, Any]) -> str:
    ours = [number(_mean(content, "Hausdorff distance", "LV", phase), 1) for phase in ("ED", "ES")]
    rows = [((OURS, protocol_in_words(content), *ours), "")]
    for row in published["lv_hausdorff_mm"]:
        cells = (row["source"], row["protocol"], *(number(row[phase], 1) for phase in ("ED", "ES")))
        rows.append((cells, row["caveat"]))
    return table_with_remarks(("source", "protocol", "ED", "ES"), rows, text_columns=2)


def _readers(content: Content, published: Mapping[str, Any]) -> str:
    readers = published["readers"]
    agreement = {record["measurement"]: record for record in records(content, "agreement")}
    rows = []
    for metric in STUDY_METRICS:
        if metric.key in readers["ranges"]:
            low, high = readers["ranges"][metric.key]
            ours = number(agreement[metric.title]["MAE"], 1)
            rows.append(((metric.title, metric.error_unit, ours, f"{low:g}–{high:g}"), readers["caveat"]))
    titles = ("measurement", "unit", "MAE, this run", "between readers")
    return "\n\n".join((table_with_remarks(titles, rows, text_columns=2), f"Readers: {readers['source']}."))


def _ours(content: Content) -> list[str]:
    evaluation = content["evaluation"]
    counts, model, protocol = evaluation["counts"], evaluation["model"], evaluation["protocol"]
    return [
        f"The model `{model['id']}` (sha256 `{model['sha256'][:16]}…`), trained on {model['training_data']}.",
        f"{counts['scored']} patients of the protocol `{protocol['name']}` (seed {protocol['seed']}), "
        f"{counts['volumes']} volumes of a structure, {counts['slices']} structures of a slice; "
        "every patient is in the last table.",
        f"All figures of the rows named {OURS}, computed by CardioSAMLib {evaluation['cardiosam_version']}.",
    ]


def _mean(content: Content, metric: str, structure: str, phase: str) -> float | None:
    for record in records(content, "structures"):
        if (record["metric"], record["structure"], record["phase"]) == (metric, structure, phase):
            mean: float | None = record["mean"]
            return mean
    raise KeyError((metric, structure, phase))


def _resource_row(source: str, system: str, row: Record, seconds: str) -> tuple[str, ...]:
    parameters = row["parameters"]
    return (
        source,
        system,
        NO_VALUE if parameters is None else number(parameters / 1e6, 1),
        number(row["file_mb"], 1),
        number(row[seconds], 1),
        number(row.get("peak_memory_mb"), 0),
        number(row.get("prompts_per_study"), 0),
        number(row["prompting_minutes"], 2),
    )


def _paper_cells(row: Record, titles: Sequence[str]) -> list[str]:
    """Ours with the digits that the paper has; the published as they stand."""
    is_ours = row["source"] == THIS_RUN
    cells = [OURS if is_ours else row["source"]]
    for title in titles:
        cell = row[title]
        if isinstance(cell, float):
            cells.append(number(cell, 2 if title.endswith("(%)") else 1) if is_ours else f"{cell:g}")
        else:
            cells.append(NO_VALUE if cell is None else str(cell))
    return cells


def _published(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((resources_dir() / "published" / name).read_text(encoding="utf-8"))
    return found
