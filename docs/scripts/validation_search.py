"""The part of the page on validation that compares searchers for loss weights and rates, from docs/search.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from validation_markdown import command, table, wrapped

from CardioSAMLib.evaluation.html_parts import number

PUBLISHED_BUDGET = 96
_TITLES = {"pso": "particle swarm", "random": "random", "tpe": "TPE (Optuna)"}
_TEXT = (
    "Jain 2026 names a particle swarm for the weights of the loss and the rates, and gives no result of it. Ours "
    "(`CardioSAMLib/training/swarm.py`) stands here beside random search and Optuna's TPE. {made} evaluations of each "
    "searcher; the published budget is {budget}. {seeds}"
)
_EVALUATION_TEXT = (
    "One evaluation: the CardioSAM decoder of row R4, narrow ({widths} channels, {size_px} px), is trained for {steps} "
    "steps of {batch} slices ({slices} slices of {train} patients, each seen once) on kept features of the frozen "
    "encoder of `{encoder}`, and scored on the {validation} patients of the first fold of `acdc_cv5.json`, both "
    "phases, in 3D on crops of the training grid. Objective: mean Dice of the structures - 0.01 · HD95 in mm; a "
    "structure that is not found lies the diagonal of the crop away. First weights, slices and views are the same in "
    "all of them. Median {seconds:.0f} s each on a busy machine. The published search trains longer, 3 passes through "
    "all slices: what is best here need not be so after a long training."
)
_BEST_TEXT = (
    "The published values (those of `jain-r4`) give {published} after the same training. {share:.0%} of all "
    "evaluations lie below 0. The best point gives {best}:"
)
_CAUTION = (
    "The patients that chose these values are also the validation patients of this page. A model that is trained with "
    "them must be scored on others."
)


def search_section(search: Mapping[str, Any]) -> str:
    """search: what `compare_searchers.py` writes."""
    configuration, patients, best = search["configuration"], search["patients"], search["best"]
    budgets = list(next(iter(search["searchers"].values()))["best_after"])
    text = _TEXT.format(
        made=" and ".join(map(str, search["evaluations_by_seed"])),
        budget=PUBLISHED_BUDGET,
        seeds=_seeds(len(search["evaluations_by_seed"])),
    )
    evaluation = _EVALUATION_TEXT.format(
        widths="-".join(map(str, configuration["network"]["options"]["widths"])),
        size_px=configuration["size_px"],
        steps=configuration["steps"],
        batch=configuration["batch"],
        slices=configuration["steps"] * configuration["batch"],
        encoder=search["encoder"]["name"],
        seconds=search["median_seconds"],
        **patients,
    )
    found = _BEST_TEXT.format(
        published=_point(search["published"]), share=search["below_zero_share"], best=_point(best)
    )
    titles = ("searcher", *(f"best of {budget}" for budget in budgets), "median of all")
    return "\n\n".join(
        (
            "## Searching loss weights and rates",
            command(search["command"]),
            wrapped(text),
            table(titles, [_row(name, of_one, budgets) for name, of_one in search["searchers"].items()]),
            wrapped(evaluation),
            wrapped(f"Searched: {_space(search['space'])}."),
            wrapped(found),
            f"```toml\n{search['best_toml']}\n```",
            wrapped(_CAUTION),
        )
    )


def _seeds(seeds: int) -> str:
    if seeds == 1:
        return "One seed: it says little about which searcher is better."
    return f"{seeds} seeds: mean (lowest to highest)."


def _point(described: Mapping[str, Any]) -> str:
    dice, hd95_mm = number(described["dice"], 3), number(described["hd95_mm"], 1)
    return f"{number(described['objective'], 3)} (Dice {dice}, HD95 {hd95_mm} mm)"


def _space(space: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(
        f"`{one['name']}` {one['low']:g} to {one['high']:g}{' (log)' if one['scale'] == 'log' else ''}" for one in space
    )


def _row(name: str, of_one: Mapping[str, Any], budgets: Sequence[str]) -> tuple[str, ...]:
    return (_TITLES[name], *(_cell(of_one["best_after"][budget]) for budget in budgets), _cell(of_one["median"]))


def _cell(values: Sequence[float]) -> str:
    mean = number(fmean(values), 3)
    return f"{mean} ({number(min(values), 3)} to {number(max(values), 3)})" if len(values) > 1 else mean
