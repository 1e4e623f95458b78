"""Writes docs/search.json and its part of docs/validation.md: particle swarm, random search and TPE at equal budget.

    python docs/scripts/compare_searchers.py DATA --out OUT

DATA: the folder that holds `acdc`. OUT: where every short training is logged; a stopped run goes on when the command is
given again, and writes what there is when it ends or `--minutes` have passed. Give a folder outside of the
repository. The searchers take turns of a few evaluations, so that their budgets are equal whenever that happens. One
process of one thread.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from validation_search import PUBLISHED_BUDGET
from write_validation import DOCS, JSON, SEARCH, write_page

from CardioSAMLib.io import write_files
from CardioSAMLib.training.configuration import TrainingConfiguration, configuration_path, read_configuration
from CardioSAMLib.training.search import LOG, SEARCHERS, Evaluation, best_of, search
from CardioSAMLib.training.search_space import Values
from CardioSAMLib.training.short_training import SPACE, as_toml, values_of
from CardioSAMLib.training_run.search import SearchOptions, continue_search, prepare

COMMAND = "python docs/scripts/compare_searchers.py ../shared/data --out OUT"
CONFIGURATION = "search"
PUBLISHED = "published"
BUDGETS = (12, 24, 48, PUBLISHED_BUDGET)
TURN = 4


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
    write_files(DOCS, {SEARCH.name: content})
    write_page(json.loads(JSON.read_text(encoding="utf-8")), DOCS)


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
    best = described(equal)
    return {
        "command": COMMAND,
        "configuration": what["configuration"],
        "encoder": what["encoder"],
        "space": [asdict(parameter) for parameter in SPACE.parameters],
        "patients": {part: len(what[part]) for part in ("train", "validation")},
        "evaluations_by_seed": list(budget_of.values()),
        "median_seconds": float(np.median([one.seconds for one in equal])),
        "of_no_use": sum(one.objective is None for one in equal),
        "below_zero_share": float(np.mean([one.objective is None or one.objective < 0.0 for one in equal])),
        "published": described(found[PUBLISHED, 0]),
        "searchers": {name: summary(by_seed) for name, by_seed in runs.items()},
        "best": best,
        "best_toml": as_toml(best["values"]),
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


if __name__ == "__main__":
    main()
