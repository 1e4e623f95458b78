"""The training loop: one seeded run that can be killed at any moment and resumed with the same result."""

from __future__ import annotations

import inspect
import json
import os
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.training.checkpoint import (
    CHECKPOINT,
    averaged_copy,
    learned_state,
    load_learned,
    read_state,
    write_state,
)
from CardioSAMLib.training.cine_learning import CineLearner
from CardioSAMLib.training.composite_loss import LossOptions, composite_loss
from CardioSAMLib.training.configuration import TrainingConfiguration
from CardioSAMLib.training.history import write_history
from CardioSAMLib.training.losses import check_finite, deep_supervision_loss
from CardioSAMLib.training.precision import precision_name, training_precision
from CardioSAMLib.training.processes import OneProcess, Processes
from CardioSAMLib.training.sampling import Batch, Sampler, prefetched
from CardioSAMLib.training.schedule import forgetting_average, optimizer_of, scheduled_rate, set_rate

Encode = Callable[[Tensor], tuple[Tensor, ...]]
"""Images `(batch, 3, size, size)` to the features of a frozen encoder, which may be kept ones."""
Watch = Callable[[nn.Module], dict[str, float]]
"""Scores of a network on the validation patients, among them `dice`."""
_MOST_WORKERS = 12


class Learner(nn.Module):
    """The loss of a batch: network and loss in one module, as several processes share the gradients of a module.

    forward: a batch, and features in place of what the network's encoder would compute.
    """

    def __init__(self, network: nn.Module, loss: LossOptions | None) -> None:
        super().__init__()
        self.network, self._options = network, loss

    def forward(self, batch: Batch, features: tuple[Tensor, ...] | None) -> Tensor:
        with training_precision(batch.images.device):
            outputs = self._outputs(batch, features).in_full()
        if self._options is None:
            return deep_supervision_loss(outputs.logits, batch.shares)
        return composite_loss(outputs, batch.shares, self._options)

    def _outputs(self, batch: Batch, features: tuple[Tensor, ...] | None) -> Outputs:
        network: Any = self.network
        if features is not None:
            size = (batch.images.shape[-2], batch.images.shape[-1])
            outputs: Outputs = network.decoder(features, size)
        else:
            outputs = network(*inputs_of(network, batch))
        return outputs


def inputs_of(network: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
    """What the network takes of a batch: images, and which stack they belong to where it sees stacks."""
    if batch.stacks is None or "stacks" not in inspect.signature(network.forward).parameters:
        return (batch.images,)
    return (batch.images, batch.stacks)


class TrainingRun:
    """The state of a run: network, its moving average, optimizer, and the step it has reached.

    start: what the run starts from besides the configuration, such as the sha256 of an encoder and the patients.
    encode: gives the features of the network's encoder where that is frozen; None: the network computes them.
    history: a row per validation. losses: of the steps since the last of them. seconds: computed so far, in all parts
    of a run that was stopped. precisions: that its parts were computed in.
    """

    def __init__(
        self,
        configuration: TrainingConfiguration,
        network: nn.Module,
        start: str = "",
        encode: Encode | None = None,
        processes: Processes | None = None,
    ) -> None:
        self.configuration, self.encode, self.processes = configuration, encode, processes or OneProcess()
        self._signature = json.dumps([configuration.what_decides_the_weights(), start])
        self.network = _channels_last(network.to(self.processes.device))
        self.average = averaged_copy(self.network)
        self.optimizer = optimizer_of(self.network, configuration.optimizer)
        self._learner = self.processes.sharing(_learner_of(self.network, configuration))
        self.step = 0
        self.seconds = 0.0
        self.precisions = [precision_name(self.processes.device)]
        self.losses: list[float] = []
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] | None = None

    @property
    def is_finished(self) -> bool:
        """At the last step, or after `patience` validations without a better one."""
        to = self.configuration
        waited = len(self.history) - 1 - self._best_row if self.history else 0
        return self.step >= to.steps or (to.patience > 0 and waited >= to.patience)

    @property
    def best_step(self) -> int | None:
        """Of the best validation; None before the first."""
        return int(self.history[self._best_row]["step"]) if self.history else None

    @property
    def _best_row(self) -> int:
        return int(np.argmax([row["dice"] for row in self.history]))

    def save(self, path: Path) -> None:
        """Writes the state; only the first of several processes does."""
        if self.processes.part.index == 0:
            state = {
                "step": self.step,
                "seconds": self.seconds,
                "precisions": self.precisions,
                "losses": self.losses,
                "history": self.history,
                "best": self.best,
                "network": learned_state(self.network),
                "average": learned_state(self.average),
                "optimizer": self.optimizer.state_dict(),
            }
            write_state(path, self._signature, state)

    def load(self, path: Path) -> None:
        """Continues a saved run. Raises UnusableInput if it was made with another configuration or start."""
        state = read_state(path, self._signature)
        self.step, self.seconds = state["step"], state["seconds"]
        self.precisions = list(dict.fromkeys([*state["precisions"], *self.precisions]))
        self.losses, self.history, self.best = state["losses"], state["history"], state["best"]
        load_learned(self.network, state["network"])
        load_learned(self.average, state["average"])
        self.optimizer.load_state_dict(state["optimizer"])

    def train_step(self, batch: Batch) -> float:
        """One update; returns the loss."""
        to = self.configuration
        # Dropout is then the same after a stop, too.
        torch.manual_seed(int(np.random.default_rng((to.seed, self.step, self.processes.part.index)).integers(2**62)))
        batch = _on_device(batch, self.processes.device)
        features = None if self.encode is None else tuple(map(_in_order, self.encode(batch.images)))
        set_rate(self.optimizer, scheduled_rate(self.step, to.steps, to.optimizer))
        self.network.train()
        loss: Tensor = self._learner(batch, features)
        check_finite(loss, self.step)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        check_finite(clip_grad_norm_(self.network.parameters(), to.optimizer.gradient_clip), self.step)
        self.optimizer.step()
        forgetting_average(self.average, self.network, self.step, to.optimizer.ema_decay)
        self.step += 1
        self.losses.append(float(loss.detach()))
        return self.losses[-1]

    def note(self, scores: dict[str, float]) -> None:
        """Adds a validation to the history, and keeps the weights if they are to be kept and it is the best."""
        self.history.append({"step": self.step, "loss": float(np.mean(self.losses)), **scores})
        self.losses = []
        if self.configuration.keep == "best" and self.best_step == self.step:
            self.best = {name: value.detach().cpu().clone() for name, value in learned_state(self.average).items()}

    def keep_best(self) -> None:
        """Puts the weights of the best validation into `average`, where these are the ones to keep."""
        if self.best is not None:
            load_learned(self.average, self.best)


def _learner_of(network: nn.Module, configuration: TrainingConfiguration) -> nn.Module:
    if configuration.cines is None or configuration.loss is None:
        return Learner(network, configuration.loss)
    return CineLearner(network, configuration.loss, configuration.cines)


def _channels_last(network: nn.Module) -> nn.Module:
    """The network with weights in the order that is 1.4 times faster on a CPU here, and what tensor cores want."""
    for weight in network.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return network


def _on_device(batch: Batch, device: torch.device) -> Batch:
    """All tensors of a batch there, images in the order of the weights."""
    values = {entry.name: getattr(batch, entry.name) for entry in fields(batch)}
    batch = replace(batch, **{name: one.to(device) for name, one in values.items() if isinstance(one, Tensor)})
    return replace(batch, images=_in_order(batch.images))


def _in_order(maps: Tensor) -> Tensor:
    """The same values in the order of the weights. Kept features come in several, and the last bit depends on it."""
    return maps.contiguous(memory_format=torch.channels_last)


def train(
    run: TrainingRun,
    sampler: Sampler,
    watch: Watch,
    folder: Path,
    progress: Progress = silent,
    save_every: int = 200,
) -> None:
    """Runs or resumes in `folder`, where `checkpoint.pt`, `log.jsonl` and TensorBoard events are kept.

    The weights to use are then `run.average`. By default validation is watched, not selected by. Of several processes
    each calls it, with a sampler of its own part; their `watch` may share the work, and gives all the same.
    """
    to, checkpoint = run.configuration, folder / CHECKPOINT
    folder.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        run.load(checkpoint)
    workers = min(os.cpu_count() or 1, _MOST_WORKERS) if run.processes.device.type == "cuda" else 0
    batches = prefetched(sampler, run.step, to.steps, workers)
    begun = time.monotonic() - run.seconds
    while not run.is_finished:
        loss = run.train_step(next(batches))
        run.seconds = time.monotonic() - begun
        progress(run.step / to.steps, f"step {run.step} of {to.steps}, loss {loss:.3f}")
        due = run.step % to.validate_every == 0 or run.step == to.steps
        if due:
            run.processes.share_statistics(run.average)
            run.note(watch(run.average))
            if run.processes.part.index == 0:
                write_history(run.history, folder)
        if due or run.step % save_every == 0:
            run.save(checkpoint)
    run.keep_best()
    run.processes.wait()
