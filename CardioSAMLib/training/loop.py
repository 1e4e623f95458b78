"""The training loop: one seeded run that can be killed at any moment and resumed with the same result."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.training.augmentation import random_crop, random_look, renormalize
from CardioSAMLib.training.configuration import TrainingConfiguration
from CardioSAMLib.training.dataset import CLASSES, SliceSampler, Volume, stack_with_neighbors
from CardioSAMLib.training.losses import deep_supervision_loss
from CardioSAMLib.training.schedule import forgetting_average, learning_rate


class TrainingRun:
    """The state of a run: network, its moving average, optimizer, and the step it has reached."""

    def __init__(self, configuration: TrainingConfiguration) -> None:
        torch.manual_seed(configuration.seed)
        self.configuration = configuration
        # Channels-last is 1.4 times faster on a CPU here, and what tensor cores want on a GPU.
        self.network = UNet25D(configuration.widths, CLASSES).to(memory_format=torch.channels_last)
        self.average = deepcopy(self.network).eval()
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=configuration.learning_rate, weight_decay=configuration.weight_decay
        )
        self.step = 0

    def save(self, path: Path) -> None:
        """Writes the state under a temporary name, then renames: a kill leaves the old file or the new one."""
        state = {
            "configuration": json.dumps(self.configuration.what_decides_the_weights()),
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        temporary = path.with_suffix(".partial")
        torch.save(state, temporary)
        os.replace(temporary, path)

    def load(self, path: Path) -> None:
        """Continues a saved run. Raises UnusableInput if it was made with another configuration."""
        state = torch.load(path, weights_only=True)
        if state["configuration"] != json.dumps(self.configuration.what_decides_the_weights()):
            raise UnusableInput(f"{path} was made with another configuration; give another folder, or delete it.")
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])

    def train_step(self, volumes: Sequence[Volume], sampler: SliceSampler) -> float:
        """One update; returns the loss."""
        to = self.configuration
        images, shares = _batch(volumes, sampler, to, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, to.steps, to.warm_up_steps, to.learning_rate)
        self.network.train()
        loss = deep_supervision_loss(self.network(images.contiguous(memory_format=torch.channels_last)), shares)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        clip_grad_norm_(self.network.parameters(), to.gradient_clip)
        self.optimizer.step()
        forgetting_average(self.average, self.network, self.step, to.ema_decay)
        self.step += 1
        return float(loss.detach())


def train(
    configuration: TrainingConfiguration,
    training: Sequence[Volume],
    validation: Sequence[Volume],
    folder: Path,
    progress: Progress = silent,
    save_every: int = 200,
) -> TrainingRun:
    """Runs or resumes training in `folder`: `checkpoint.pt`, `log.jsonl` and TensorBoard events are kept there.

    The weights to use are `run.average`. Validation is watched, not selected by: the last step is kept.
    """
    from torch.utils.tensorboard import SummaryWriter

    folder.mkdir(parents=True, exist_ok=True)
    run = TrainingRun(configuration)
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        run.load(checkpoint)
    sampler = SliceSampler(training, configuration.batch, configuration.seed)
    board = SummaryWriter(str(folder / "tensorboard"), purge_step=run.step)
    losses: list[float] = []
    while run.step < configuration.steps:
        losses.append(run.train_step(training, sampler))
        progress(run.step / configuration.steps, f"step {run.step} of {configuration.steps}, loss {losses[-1]:.3f}")
        last = run.step == configuration.steps
        if run.step % configuration.validate_every == 0 or last:
            row = {"step": run.step, "loss": float(np.mean(losses)), **validate(run.average, validation, configuration)}
            losses.clear()
            with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
            for key, value in row.items():
                board.add_scalar(key, value, run.step)
        if run.step % save_every == 0 or last:
            run.save(checkpoint)
    board.close()
    return run


@torch.no_grad()
def validate(network: UNet25D, volumes: Sequence[Volume], configuration: TrainingConfiguration) -> dict[str, float]:
    """Mean Dice per class over volumes, on heart-centered crops of the training grid: to watch a run by."""
    scores = []
    for volume in volumes:
        images, shares = stack_with_neighbors(volume)
        window = _center_window(volume, configuration.size_px)
        images, shares = images[..., window[0], window[1]], shares[..., window[0], window[1]]
        predicted = network.eval()(renormalize(images)).argmax(1).numpy()
        truth = shares.argmax(1).numpy()
        scores.append([dice(predicted == value, truth == value) for value in range(1, CLASSES)])
    means = np.mean(scores, axis=0)
    return {"dice": float(means.mean()), **{f"dice_{value + 1}": float(mean) for value, mean in enumerate(means)}}


def _center_window(volume: Volume, size: int) -> tuple[slice, slice]:
    starts = [
        int(np.clip(round(center - size / 2), 0, max(side - size, 0)))
        for center, side in zip(volume.center_px, volume.images.shape[1:], strict=True)
    ]
    return slice(starts[0], starts[0] + size), slice(starts[1], starts[1] + size)


def _batch(
    volumes: Sequence[Volume], sampler: SliceSampler, configuration: TrainingConfiguration, step: int
) -> tuple[Tensor, Tensor]:
    options = configuration.augmentation
    crops = [
        random_crop(
            volumes[v], s, configuration.size_px, configuration.grid_mm, options, (configuration.seed, step, place)
        )
        for place, (v, s) in enumerate(sampler.at(step))
    ]
    generator = torch.Generator().manual_seed(configuration.seed * 2**32 + step)
    images = renormalize(torch.stack([image for image, _ in crops]))
    return random_look(images, options, generator), torch.stack([share for _, share in crops])
