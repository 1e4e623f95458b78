"""A search for the point of a space with the highest objective: searchers of one protocol, and a log to resume by."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.extras import install_hint
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.training.search_space import SearchSpace, Values
from CardioSAMLib.training.swarm import Swarm

LOG = "evaluations.jsonl"
"""Name of the file in a search's folder: a line that says which search it is, then one per evaluation."""


@dataclass(frozen=True)
class Outcome:
    """objective: what is to be high; not finite where the point is of no use. details: finite numbers that tell readers
    what it was made of."""

    objective: float
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """One point that was measured. objective: None where it was not finite."""

    number: int
    values: Mapping[str, float]
    objective: float | None
    details: Mapping[str, float]
    seconds: float


Objective = Callable[[Values], Outcome]


class Searcher(Protocol):
    """Proposes points. Seeded: two that are told the same ask for the same."""

    def ask(self) -> dict[str, float]:
        """The point to measure next: the same one until it is told of."""
        ...

    def tell(self, values: Values, objective: float) -> None:
        """How good that point was; a number that is not finite counts as worse than all others."""
        ...


class RandomSearch:
    """Independent points, uniform on each parameter's scale."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space, self._seed, self._told = space, seed, 0

    def ask(self) -> dict[str, float]:
        return self._space.values_at(np.random.default_rng((self._seed, self._told)).random(len(self._space)))

    def tell(self, values: Values, objective: float) -> None:  # noqa: ARG002
        self._told += 1


class TreeParzen:
    """Optuna's tree-structured Parzen estimator (Bergstra 2011) as it comes: its first ten points are random."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        try:
            import optuna
        except ImportError as error:
            raise UnusableInput(f"optuna is not installed; install it with: {install_hint('train')}.") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        self._distributions: dict[str, optuna.distributions.BaseDistribution] = {
            parameter.name: optuna.distributions.FloatDistribution(
                parameter.low, parameter.high, log=parameter.scale == "log"
            )
            for parameter in space.parameters
        }
        self._trial: Any = None

    def ask(self) -> dict[str, float]:
        if self._trial is None:
            self._trial = self._study.ask(self._distributions)
        return dict(self._trial.params)

    def tell(self, values: Values, objective: float) -> None:  # noqa: ARG002
        self._study.tell(self._trial, objective if math.isfinite(objective) else -math.inf)
        self._trial = None


SEARCHERS: Mapping[str, Callable[[SearchSpace, int], Searcher]] = MappingProxyType(
    {"pso": Swarm, "random": RandomSearch, "tpe": TreeParzen}
)


def searcher_named(name: str, space: SearchSpace, seed: int) -> Searcher:
    """Raises UnusableInput, naming the searchers, if there is none of that name."""
    if name not in SEARCHERS:
        raise UnusableInput(f"There is no searcher {name!r}; choose one of: {', '.join(SEARCHERS)}.")
    return SEARCHERS[name](space, seed)


def search(
    searcher: Searcher,
    objective: Objective,
    evaluations: int,
    folder: Path,
    what: Mapping[str, Any],
    progress: Progress = silent,
) -> tuple[Evaluation, ...]:
    """Measures so many points, each kept in the log of the folder as soon as it is known; a stopped search goes on.

    what: all that decides the objective, as JSON can hold it. Going on, the searcher is told what the log holds.
    Raises UnusableInput if the log is that of another search.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = list(_resumed(folder / LOG, what))[:evaluations]
    for one in done:
        _tell_again(searcher, one, folder / LOG)
    while len(done) < evaluations:
        best = best_of(done)
        so_far = f", best {best.objective:.4f}" if best is not None else ""
        progress(len(done) / evaluations, f"evaluation {len(done) + 1} of {evaluations}{so_far}")
        values, begun = searcher.ask(), time.monotonic()
        outcome = objective(values)
        searcher.tell(values, outcome.objective)
        known = outcome.objective if math.isfinite(outcome.objective) else None
        done.append(Evaluation(len(done), values, known, outcome.details, round(time.monotonic() - begun, 3)))
        _append(folder / LOG, asdict(done[-1]))
    return tuple(done)


def best_of(evaluations: Sequence[Evaluation]) -> Evaluation | None:
    """The evaluation with the highest objective, the first of equals; None where none has any."""
    best = max(evaluations, key=lambda one: -math.inf if one.objective is None else one.objective, default=None)
    return None if best is None or best.objective is None else best


def _tell_again(searcher: Searcher, known: Evaluation, log: Path) -> None:
    if searcher.ask() != dict(known.values):
        raise UnusableInput(f"{log} was made by another version of this searcher; give another folder, or delete it.")
    searcher.tell(known.values, math.nan if known.objective is None else known.objective)


def _resumed(log: Path, what: Mapping[str, Any]) -> tuple[Evaluation, ...]:
    """The evaluations in a log, which is begun where there is none; a line that a kill has cut off is forgotten."""
    lines = log.read_bytes().splitlines(keepends=True) if log.exists() else []
    if lines and not lines[-1].endswith(b"\n"):
        os.truncate(log, sum(map(len, lines[:-1])))
        lines = lines[:-1]
    if not lines:
        _append(log, dict(what))
        return ()
    try:
        first, *rest = (json.loads(line) for line in lines)
        known = tuple(Evaluation(**one) for one in rest)
    except (ValueError, TypeError) as error:
        raise UnusableInput(f"{log} is not the log of a search; give another folder, or delete it.") from error
    if first != json.loads(json.dumps(what)):
        raise UnusableInput(f"{log} is the log of another search; give another folder, or delete it.")
    return known


def _append(log: Path, row: Mapping[str, Any]) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, allow_nan=False) + "\n")
