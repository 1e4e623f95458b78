"""The loop of a fine-tuning: one seeded run that can be killed at any moment and resumed with the same result."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.training.checkpoint import CHECKPOINT, read_state, write_state
from CardioSAMLib.training.history import write_history
from CardioSAMLib.training.losses import check_finite, dice_and_entropy_loss
from CardioSAMLib.training.recipe import FineTuningRecipe

Named = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Asked:
    """Structures of a slice that are asked for at once.

    prompts: what the network's decoder takes, each with one row per structure. wanted: shares of the pixels 0..1,
    `(structures, size, size)`, on the grid of the network's logits.
    """

    prompts: Named
    wanted: Tensor


@dataclass(frozen=True, eq=False)
class Example:
    """One view of a slice. image: its embedding where the encoder is frozen, else what the encoder takes."""

    image: Named
    asked: tuple[Asked, ...]


class Examples(Protocol):
    """Examples by the number of a slice. The same number and epoch give the same example, whatever was asked before."""

    def __len__(self) -> int: ...

    def at(self, number: int, epoch: int) -> Example: ...


class Tunable(Protocol):
    """A promptable network that can learn. trained: the parts whose weights change. precision: that its encoder
    computes in while it learns."""

    @property
    def trained(self) -> nn.Module: ...

    @property
    def precision(self) -> str: ...

    def embedded(self, image: Named) -> Named:
        """The embedding of an `Example.image`, with gradients where the encoder learns."""
        ...

    def answer(self, embedding: Named, prompts: Named) -> tuple[Tensor, Tensor]:
        """Logits `(structures, size, size)`, and the IoU that the network expects of them `(structures,)`."""
        ...


class FineTuningRun:
    """The state of a run. `network.trained` holds the weights of the last step; `keep_best` puts the best there.

    start: what the run starts from, such as the sha256 of the weights and the names of the patients. step: counts
    batches. history: a row per validation. precisions: that the parts of a stopped run were computed in.
    """

    def __init__(self, recipe: FineTuningRecipe, network: Tunable, start: str) -> None:
        self.recipe, self.network = recipe, network
        self._signature = json.dumps([recipe.what_decides_the_weights(), start])
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimizer]
        self.optimizer = kind(network.trained.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        self.scheduler = _scheduler(recipe, self.optimizer)
        self.step = 0
        self.precisions = [network.precision]
        self.losses: list[float] = []
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] | None = None

    def save(self, path: Path) -> None:
        """Writes the state."""
        state = {
            "step": self.step,
            "precisions": self.precisions,
            "losses": self.losses,
            "history": self.history,
            "best": self.best,
            "trained": self.network.trained.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }
        write_state(path, self._signature, state)

    def load(self, path: Path) -> None:
        """Continues a saved run. Raises UnusableInput if it was made with another recipe or start."""
        state = read_state(path, self._signature)
        self.step, self.losses = state["step"], state["losses"]
        self.precisions = list(dict.fromkeys([*state["precisions"], *self.precisions]))
        self.history, self.best = state["history"], state["best"]
        self.network.trained.load_state_dict(state["trained"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])

    def train_step(self, examples: list[Example]) -> float:
        """One update by the mean over slices; slice by slice, so that memory is needed for one only."""
        self.network.trained.train()
        self.optimizer.zero_grad()
        total = 0.0
        for example in examples:
            loss = self._loss(example) / len(examples)
            check_finite(loss, self.step)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        # To no limit: only to know whether the gradient is a number.
        check_finite(clip_grad_norm_(self.network.trained.parameters(), math.inf), self.step)
        self.optimizer.step()
        self.step += 1
        return total

    def end_epoch(self, score: float | None) -> None:
        """Moves the learning rate; notes the epoch and its validation, and keeps the weights if they are the best."""
        loss = float(np.mean(self.losses))
        self.losses = []
        row = {"step": self.step, "loss": loss, "learning_rate": self.optimizer.param_groups[0]["lr"]}
        if score is not None:
            scores = [earlier["dice"] for earlier in self.history if "loss" in earlier and "dice" in earlier]
            if score > max(scores, default=-1.0):
                self.best = deepcopy(self.network.trained.state_dict())
            row["dice"] = score
        self.history.append(row)
        if isinstance(self.scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self.scheduler.step(loss)
        else:
            self.scheduler.step()

    def keep_best(self) -> None:
        """Puts the weights of the best validation in place, where there was one."""
        if self.best is not None:
            self.network.trained.load_state_dict(self.best)

    def _loss(self, example: Example) -> Tensor:
        embedding = self.network.embedded(example.image)
        count = sum(len(asked.wanted) for asked in example.asked)
        total = torch.zeros(())
        for asked in example.asked:
            logits, quality = self.network.answer(embedding, asked.prompts)
            losses = dice_and_entropy_loss(logits, asked.wanted.to(logits.device), quality, self.recipe.quality_weight)
            total = total.to(logits.device) + losses.sum() / count
        return total


def fine_tune(
    run: FineTuningRun,
    training: Examples,
    validation: Examples | None,
    folder: Path,
    progress: Progress = silent,
    save_every: int = 100,
) -> None:
    """Runs or resumes in `folder`, where `checkpoint.pt`, `log.jsonl` and TensorBoard events are kept.

    Afterward the network has the weights of the epoch with the best validation, or of the last one without any.
    The first row of the history is the validation before the first step.
    """
    folder.mkdir(parents=True, exist_ok=True)
    recipe, checkpoint = run.recipe, folder / CHECKPOINT
    if checkpoint.exists():
        run.load(checkpoint)
    elif validation is not None:
        progress(0.0, "measuring the model before fine-tuning")
        run.history.append({"step": 0, "dice": mean_dice(run.network, validation)})
    per_epoch = -(-len(training) // recipe.batch)
    total = recipe.epochs * per_epoch
    while run.step < total:
        epoch, place = divmod(run.step, per_epoch)
        order = np.random.default_rng((recipe.seed, epoch)).permutation(len(training))
        numbers = order[place * recipe.batch : (place + 1) * recipe.batch]
        run.losses.append(run.train_step([training.at(int(number), epoch) for number in numbers]))
        progress(run.step / total, f"epoch {epoch + 1} of {recipe.epochs}, loss {run.losses[-1]:.3f}")
        if run.step % per_epoch == 0:
            due = (epoch + 1) % recipe.validate_every == 0 or epoch + 1 == recipe.epochs
            run.end_epoch(mean_dice(run.network, validation) if due and validation is not None else None)
            write_history(run.history, folder)
        if run.step % per_epoch == 0 or run.step % save_every == 0:
            run.save(checkpoint)
    run.keep_best()


@torch.no_grad()
def mean_dice(network: Tunable, examples: Examples) -> float:
    """Mean Dice of the structures asked for, over slices, on the grid of the network: what an epoch is chosen by."""
    network.trained.eval()
    scores = []
    for number in range(len(examples)):
        example = examples.at(number, 0)
        embedding = network.embedded(example.image)
        own = []
        for asked in example.asked:
            logits, _ = network.answer(embedding, asked.prompts)
            for drawn, wanted in zip((logits > 0).cpu().numpy(), (asked.wanted > 0.5).numpy(), strict=True):
                own.append(dice(drawn, wanted))
        if own:
            scores.append(float(np.mean(own)))
    return float(np.mean(scores))


def _scheduler(recipe: FineTuningRecipe, optimizer: torch.optim.Optimizer) -> Any:
    """Of the learning rate; moved once per epoch."""
    schedulers = torch.optim.lr_scheduler
    if recipe.schedule == "plateau":
        return schedulers.ReduceLROnPlateau(optimizer, factor=recipe.factor, patience=recipe.patience)
    if recipe.schedule == "cosine":
        last = recipe.last_learning_rate
        return schedulers.CosineAnnealingLR(optimizer, T_max=max(recipe.epochs - 1, 1), eta_min=last)
    return schedulers.ConstantLR(optimizer, factor=1.0)
