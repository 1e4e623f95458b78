"""Which patients train and which validate: drawn once from a seed, by patient, equally from every group.

Code that trains or chooses models takes a `Split`. It has no test patients, so such code cannot open them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from CardioSAMLib.cine import UnusableInput


@dataclass(frozen=True)
class Split:
    """Patient folder names that train and that validate. Raises UnusableInput if one is in both.

    A name stands for the whole patient: end-diastole and end-systole stay together by construction.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]

    def __post_init__(self) -> None:
        check_disjoint({"training": self.train, "validation": self.validation})


def check_disjoint(parts: Mapping[str, Iterable[str]]) -> None:
    """Raises UnusableInput, naming the patients, where one is in two of the named parts or twice in one."""
    part_of: dict[str, str] = {}
    for part, names in parts.items():
        for name in names:
            if name in part_of:
                raise UnusableInput(
                    f"The split has {name} in {part_of[name]} and {part}; a patient may be in one part, once."
                )
            part_of[name] = part


def stratified_split(group_of: Mapping[str, str], validation_share: float, seed: int) -> Split:
    """A split of patients (name -> group) that takes the same share of each group for validation."""
    random = np.random.default_rng(seed)
    validation: list[str] = []
    for group in sorted(set(group_of.values())):
        members = sorted(name for name, its_group in group_of.items() if its_group == group)
        random.shuffle(members)
        validation += members[: round(validation_share * len(members))]
    return Split(tuple(sorted(set(group_of) - set(validation))), tuple(sorted(validation)))


def stratified_parts(group_of: Mapping[str, str], sizes: tuple[int, ...], seed: int) -> tuple[tuple[str, ...], ...]:
    """Patients (name -> group) dealt into parts of the given sizes, every group in the same proportion.

    Raises UnusableInput where the sizes are not those of all patients together, or a group cannot be divided so.
    """
    if sum(sizes) != len(group_of):
        raise UnusableInput(f"Parts of {', '.join(map(str, sizes))} patients need {sum(sizes)}, not {len(group_of)}.")
    random = np.random.default_rng(seed)
    parts: tuple[list[str], ...] = tuple([] for _ in sizes)
    for group in sorted(set(group_of.values())):
        members = sorted(name for name, its_group in group_of.items() if its_group == group)
        shares = [len(members) * size / len(group_of) for size in sizes]
        if any(share != int(share) for share in shares):
            raise UnusableInput(
                f"The {len(members)} patients of the group {group or 'without a name'} cannot be divided as "
                f"{':'.join(map(str, sizes))}; give the data set with all its patients."
            )
        random.shuffle(members)
        ends = np.cumsum([0, *shares]).astype(int)
        for part, start, end in zip(parts, ends[:-1], ends[1:], strict=True):
            part += members[start:end]
    return tuple(tuple(sorted(part)) for part in parts)


def read_names(content: Any) -> tuple[str, ...]:
    """Names of patients from a list in a JSON file. Raises TypeError for all else: a text would give its letters."""
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        raise TypeError
    return tuple(content)


def folds_in(content: Mapping[str, Any]) -> tuple[Split, ...]:
    """The folds of a file's content: one of `train` and `validation`, or those of `folds`, lists of validation
    patients, each trained without its own."""
    if "folds" not in content:
        return (Split(read_names(content["train"]), read_names(content["validation"])),)
    parts = [read_names(part) for part in content["folds"]]
    everyone = {name for part in parts for name in part}
    return tuple(Split(tuple(sorted(everyone - set(part))), part) for part in parts)


def read_split(path: Path, fold: int | None = None) -> Split:
    """The split in a JSON file with the keys `train` and `validation`, or with `folds`; fold: which, counted from 1.

    Raises UnusableInput where the file is none, or has not that fold, or has several and none is asked for.
    """
    try:
        folds = folds_in(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, UnusableInput):
            raise
        raise UnusableInput(
            f"{path} is not a split; it must be JSON with the lists of patients 'train' and 'validation', or with "
            "'folds'."
        ) from error
    if fold is None and len(folds) == 1:
        return folds[0]
    if fold is None or not 1 <= fold <= len(folds):
        raise UnusableInput(
            f"{path.name} has {len(folds)} folds, and a training is of one; say which, 1 to {len(folds)}."
        )
    return folds[fold - 1]
