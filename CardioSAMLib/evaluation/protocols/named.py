"""The named divisions of a data set into parts, as data: which patients train, validate, and are kept for the test.

Only code that scores may ask for one. Code that trains or chooses models takes a `splits.Split`, which has no test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.splits import (
    Split,
    check_disjoint,
    folds_in,
    read_names,
    stratified_parts,
)
from CardioSAMLib.resources import resources_dir

Groups = Callable[[], Mapping[str, str]]

JAIN_SEED = 0
"""The paper publishes none; this one is ours, and published by being here."""


class Part(str, Enum):
    """Which patients of a protocol are scored."""

    validation = "validation"
    test = "test"
    all = "all"


@dataclass(frozen=True)
class Division:
    """A protocol applied to a data set.

    folds: one, or those of a cross-validation. test: patients that no fold may hold. seed: of the draw; None where
    the data set's makers divided it. note: what a reader of the scores must know.
    """

    name: str
    folds: tuple[Split, ...]
    test: tuple[str, ...] = ()
    seed: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        for fold in self.folds:
            check_disjoint({"training": fold.train, "validation": fold.validation, "test": self.test})
        if len(self.folds) > 1:
            check_disjoint({f"fold {number}": fold.validation for number, fold in enumerate(self.folds, 1)})

    def patients(self, part: Part) -> tuple[str, ...]:
        """The patients of a part, by name. Raises UnusableInput where the protocol has no such part."""
        validation = {name for fold in self.folds for name in fold.validation}
        training = {name for fold in self.folds for name in fold.train}
        chosen = {
            Part.validation: validation,
            Part.test: set(self.test),
            Part.all: training | validation | set(self.test),
        }[part]
        if not chosen:
            raise UnusableInput(
                f"{self.name} has no {part.value} patients; choose another --part: "
                + ", ".join(other.value for other, names in _others(validation, self.test) if names)
                + "."
            )
        return tuple(sorted(chosen))

    def fold_of(self) -> dict[str, int]:
        """Fold, counted from 1, in which each validation patient is validated; empty without several folds."""
        if len(self.folds) < 2:
            return {}
        return {name: number for number, fold in enumerate(self.folds, 1) for name in fold.validation}


@dataclass(frozen=True)
class Protocol:
    """A published way to divide a data set. divide: what gives the groups of its patients, by name -> division.

    Groups are asked for only where the division depends on them, since finding them means reading the data set.
    """

    name: str
    title: str
    divide: Callable[[Groups], Division]


def read_division(path: Path) -> Division:
    """The division in a JSON file: `train` and `validation`, or `folds` (lists of validation patients); where there is
    one, `test`, `seed` and `note`. Raises UnusableInput where it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        seed, note = content.get("seed"), content.get("note", "")
        if not isinstance(seed, int | None) or not isinstance(note, str):
            raise TypeError
        return Division(path.stem, folds_in(content), read_names(content.get("test", [])), seed, note)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, UnusableInput):
            raise
        raise UnusableInput(
            f"{path} is not a split; it must be JSON with the lists of patients 'train' and 'validation' or with "
            "'folds', and 'test' where patients are kept aside."
        ) from error


def find_protocol(name: str) -> Protocol:
    """The protocol of that name. Raises UnusableInput, naming those that exist."""
    for protocol in PROTOCOLS:
        if protocol.name == name:
            return protocol
    known = ", ".join(protocol.name for protocol in PROTOCOLS)
    raise UnusableInput(f"There is no protocol {name!r}; choose one of: {known}.")


def _others(validation: set[str], test: tuple[str, ...]) -> tuple[tuple[Part, bool], ...]:
    return (Part.validation, bool(validation)), (Part.test, bool(test)), (Part.all, True)


def _acdc_official(_: Groups) -> Division:
    """Bernard et al. 2018: patients 1 to 100 to train, 101 to 150 to test."""
    names = tuple(f"patient{number:03d}" for number in range(1, 151))
    return Division("acdc-official", (Split(names[:100], ()),), names[100:])


def _listed(name: str, file: str) -> Callable[[Groups], Division]:
    def divide(_: Groups) -> Division:
        found = read_division(resources_dir() / "splits" / file)
        return Division(name, found.folds, found.test, found.seed, found.note)

    return divide


def _jain(groups: Groups) -> Division:
    """Jain 2026 states 120 / 15 / 15 of all 150 patients, without the list or the seed; drawn equally from groups."""
    train, validation, test = stratified_parts(groups(), (120, 15, 15), JAIN_SEED)
    note = "The paper publishes neither its patients nor its seed; these are ours, so its figures are of others."
    return Division("jain-120-15-15", (Split(train, validation),), test, JAIN_SEED, note)


PROTOCOLS = (
    Protocol("acdc-official", "the division of ACDC's makers: 100 patients to train, 50 to test", _acdc_official),
    Protocol("cv5", "5 folds of ACDC's training patients, 4 of each group per fold", _listed("cv5", "acdc_cv5.json")),
    Protocol("jain-120-15-15", "120 / 15 / 15 of all 150 patients of ACDC, equally from each group", _jain),
    Protocol(
        "train80-validation20",
        "the split on which the default model was trained and validated",
        _listed("train80-validation20", "acdc_train80_validation20.json"),
    ),
)
