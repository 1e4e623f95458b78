"""Writes docs/search.json and .md: particle swarm, random search and TPE beside each other at the same budget.

    python docs/scripts/compare_searchers.py DATA --out OUT

DATA: the folder that holds `acdc`. OUT: where every short training is logged; a stopped run goes on when the command is
given again, and writes the page of what there is when it ends or `--minutes` have passed. Give a folder outside of the
repository. The searchers take turns of a few evaluations, so that their budgets are equal whenever that happens. One
process of one thread.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from CardioSAMLib.io import write_files
from CardioSAMLib.training.configuration import TrainingConfiguration, configuration_path, read_configuration
from CardioSAMLib.training.search import LOG, SEARCHERS, Evaluation, best_of, search
from CardioSAMLib.training.search_space import Values
from CardioSAMLib.training.short_training import SPACE, as_toml, values_of
from CardioSAMLib.training_run.search import SearchOptions, continue_search, prepare

DOCS = Path(__file__).resolve().parents[1]
COMMAND = "python docs/scripts/compare_searchers.py ../shared/data --out OUT"
CONFIGURATION = "search"
PUBLISHED = "published"
BUDGETS = (12, 24, 48, 96)
TURN = 4
TITLES = {"pso": "particle swarm", "random": "random", "tpe": "TPE (Optuna)"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1, help="searches of each searcher")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no turn begins later than this")
    given = parser.parse_args()
    end = time.monotonic() + 60.0 * given.minutes
    measure(given.data / "acdc", given.out, given.seeds, end)
    result = collected(given.out)
    content = (json.dumps(result, indent=1) + "\n").encode()
    write_files(DOCS, {"search.json": content, "search.md": page(result).encode()})


def measure(acdc: Path, out: Path, seeds: int, end: float) -> None:
    prepared = prepare(CONFIGURATION, acdc, out)
    published = read_configuration(configuration_path(CONFIGURATION))
    assert isinstance(published, TrainingConfiguration), "`prepare` takes no other"
    search(OnePoint(values_of(published)), prepared.objective, 1, out / f"{PUBLISHED}-0", prepared.what)
    for seed in range(seeds):
        for evaluations in range(TURN, BUDGETS[-1] + 1, TURN):
            for name in SEARCHERS:
                if time.monotonic() > end:
                    return
                options = SearchOptions(CONFIGURATION, acdc, out / f"{name}-{seed}", name, evaluations, seed)
                told = continue_search(prepared, options, lambda *_: None).text
                print(f"{name} {seed}: {told.splitlines()[0].removesuffix(', with')}", flush=True)


class OnePoint:
    """A searcher that knows but one point."""

    def __init__(self, values: Values) -> None:
        self._values = dict(values)

    def ask(self) -> dict[str, float]:
        return self._values

    def tell(self, values: Values, objective: float) -> None:
        pass


def collected(out: Path) -> dict[str, Any]:
    """The JSON. Of each seed as many evaluations count as every searcher has made."""
    what, found = logs(out)
    seeds = [seed for seed in range(len(found)) if all((name, seed) in found for name in SEARCHERS)]
    if not seeds:
        raise SystemExit("Not every searcher has had its turn yet; give the command again.")
    budget_of = {seed: min(len(found[name, seed]) for name in SEARCHERS) for seed in seeds}
    runs = {name: [found[name, seed][: budget_of[seed]] for seed in seeds] for name in SEARCHERS}
    equal = [one for by_seed in runs.values() for run in by_seed for one in run]
    return {
        "command": COMMAND,
        "configuration": what["configuration"],
        "encoder": what["encoder"],
        "patients": {part: len(what[part]) for part in ("train", "validation")},
        "evaluations_by_seed": list(budget_of.values()),
        "median_seconds": float(np.median([one.seconds for one in equal])),
        "of_no_use": sum(one.objective is None for one in equal),
        "below_zero_share": float(np.mean([one.objective is None or one.objective < 0.0 for one in equal])),
        "published": described(found[PUBLISHED, 0]),
        "searchers": {name: summary(by_seed) for name, by_seed in runs.items()},
        "best": described(equal),
    }


def logs(out: Path) -> tuple[dict[str, Any], dict[tuple[str, int], list[Evaluation]]]:
    """What was measured, and the evaluations by searcher and seed."""
    what, found = {}, {}
    for log in sorted(out.glob(f"*/{LOG}")):
        name, seed = log.parent.name.rsplit("-", 1)
        what, *rows = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines())
        found[name, int(seed)] = [Evaluation(**row) for row in rows]
    return what, found


def summary(runs: list[list[Evaluation]]) -> dict[str, Any]:
    """Of the searches of one searcher, one per seed."""
    return {
        "best_after": {
            str(budget): [described(run[:budget])["objective"] for run in runs if len(run) >= budget]
            for budget in budgets_of(runs)
        },
        "median": [float(np.median([one.objective for one in run if one.objective is not None])) for run in runs],
        "objectives": [[one.objective for one in run] for run in runs],
        "best": described([one for run in runs for one in run]),
    }


def budgets_of(runs: list[list[Evaluation]]) -> list[int]:
    """The published counts of evaluations, as far as they were reached, and the largest that was."""
    most = max(map(len, runs))
    return sorted({budget for budget in BUDGETS if budget <= most} | {most})


def described(evaluations: list[Evaluation]) -> dict[str, Any]:
    best = best_of(evaluations)
    if best is None:
        raise SystemExit("No short training came to an end.")
    return {"objective": best.objective, **best.details, "values": best.values}


def page(result: dict[str, Any]) -> str:
    configuration, patients = result["configuration"], result["patients"]
    seeds, slices = len(result["evaluations_by_seed"]), configuration["steps"] * configuration["batch"]
    made = " and ".join(map(str, result["evaluations_by_seed"]))
    budgets = list(next(iter(result["searchers"].values()))["best_after"])
    published = result["published"]
    network, best = configuration["network"]["options"], result["best"]
    return f"""# Searching loss weights and rates

Written by `{result["command"]}`, never by hand; the figures are in [search.json](search.json).
Jain 2026 names a particle swarm for this and gives no result. Ours (`CardioSAMLib/training/swarm.py`) stands here
beside random search and Optuna's TPE, each with the same number of evaluations.

One evaluation: the CardioSAM decoder of row R4, narrow ({"-".join(map(str, network["widths"]))} channels,
{configuration["size_px"]} px), is trained for {configuration["steps"]} steps of {configuration["batch"]} slices
({slices} slices of {patients["train"]} patients, each seen once) on kept features of the frozen encoder of
`{result["encoder"]["name"]}`, and scored on the {patients["validation"]} patients of fold 0 of `acdc_cv5.json`, both
phases, in 3D on crops of the training grid. Objective: mean Dice of the structures - 0.01 · HD95 in mm; a structure
that is not found lies the diagonal of the crop away. First weights, slices and views are the same in all of them.
Median {result["median_seconds"]:.0f} s each on this busy machine. The published search trains longer, 3 passes through
all slices: what is best here need not be so after a long training.

Searched: {searched()}.

## Best objective by number of evaluations

{made} evaluations of each searcher; the published budget is {BUDGETS[-1]}. {seeds_said(seeds)}

| searcher | {" | ".join(budgets)} | median of all |
|---|{"---|" * (len(budgets) + 1)}
{rows(result, budgets)}

The published values (those of `jain-r4`) give {published["objective"]:.3f} (Dice {published["dice"]:.3f}, HD95
{published["hd95_mm"]:.1f} mm) after the same training. {result["below_zero_share"]:.0%} of all evaluations lie below 0.

## The best point

Objective {best["objective"]:.3f}: Dice {best["dice"]:.3f}, HD95 {best["hd95_mm"]:.1f} mm.

```toml
{as_toml(best["values"])}
```

The patients that chose these values are also the validation patients of [validation.md](validation.md). A model that is
trained with them must be scored on others.
"""


def searched() -> str:
    return ", ".join(
        f"{p.name} {p.low:g} to {p.high:g}{' (log)' if p.scale == 'log' else ''}" for p in SPACE.parameters
    )


def seeds_said(seeds: int) -> str:
    if seeds == 1:
        return "One seed: it says little about which searcher is better."
    return f"{seeds} seeds: mean (lowest to highest)."


def rows(result: dict[str, Any], budgets: list[str]) -> str:
    lines = []
    for name, of_searcher in result["searchers"].items():
        cells = [*(of_searcher["best_after"][budget] for budget in budgets), of_searcher["median"]]
        lines.append(f"| {TITLES[name]} | {' | '.join(map(cell, cells))} |")
    return "\n".join(lines)


def cell(values: list[float]) -> str:
    mean = f"{np.mean(values):.3f}"
    return f"{mean} ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else mean


if __name__ == "__main__":
    main()
