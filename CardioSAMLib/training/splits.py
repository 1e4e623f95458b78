"""Which patients train and which validate: drawn once from a seed, by patient, equally from every group."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from CardioSAMLib.cine import UnusableInput


@dataclass(frozen=True)
class Split:
    """Patient folder names that train and that validate. Raises UnusableInput if one is in both."""

    train: tuple[str, ...]
    validation: tuple[str, ...]

    def __post_init__(self) -> None:
        both = sorted(set(self.train) & set(self.validation))
        if both:
            raise UnusableInput(f"The split has {', '.join(both)} in training and validation; a patient may be in one.")


def stratified_split(group_of: Mapping[str, str], validation_share: float, seed: int) -> Split:
    """A split of patients (name -> group) that takes the same share of each group for validation."""
    random = np.random.default_rng(seed)
    validation: list[str] = []
    for group in sorted(set(group_of.values())):
        members = sorted(name for name, its_group in group_of.items() if its_group == group)
        random.shuffle(members)
        validation += members[: round(validation_share * len(members))]
    return Split(tuple(sorted(set(group_of) - set(validation))), tuple(sorted(validation)))


def read_split(path: Path) -> Split:
    """The split in a JSON file with the keys `train` and `validation`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Split(tuple(content["train"]), tuple(content["validation"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableInput(
            f"{path} is not a split; it must be JSON with the lists of patients 'train' and 'validation'."
        ) from error
