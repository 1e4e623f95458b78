"""Training of the promptable network: simulated prompts, an answer, one corrective click, a second answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from CardioSAMLib.cine import Array
from CardioSAMLib.io import write_files
from CardioSAMLib.networks.prompted import PAD, FrozenEncoder, LearningEncoder, PromptedDecoder
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.training.checkpoint import CHECKPOINT, read_state, write_state
from CardioSAMLib.training.configuration import PromptedConfiguration
from CardioSAMLib.training.dataset import CLASSES, SliceSampler, Volume
from CardioSAMLib.training.half_weights import round_to_half
from CardioSAMLib.training.losses import check_finite, prompted_loss
from CardioSAMLib.training.precision import training_precision
from CardioSAMLib.training.prompt_sampling import (
    TOKENS,
    corrective_click,
    other_contour,
    random_earlier_mask,
    random_prompts,
)
from CardioSAMLib.training.sampling import random_views
from CardioSAMLib.training.schedule import forgetting_average, learning_rate, set_rate

_LEAST_PX = 8
"""Smaller cross-sections of a structure are not asked for."""


@dataclass(frozen=True, eq=False)
class _Asked:
    """Structures asked for in a batch. rows: of the batch's images; values: 1 to 3 in the `STORAGE` order.

    target: shares float32 `(asked, size, size)`; wanted: bool, where they are more than half. places, kinds: the
    prompts' tokens.
    """

    rows: list[int]
    values: list[int]
    target: Array
    wanted: Array
    places: Tensor
    kinds: Tensor


class PromptedRun:
    """The state of a run. `average` holds the weights to use: the encoder, of which the necks learn at least, and the
    decoder.

    start: what the run starts from besides the configuration, such as the sha256 of the encoder and the patients.
    history: a row for every so many steps, `losses` of the steps since the last of them.
    """

    def __init__(self, configuration: PromptedConfiguration, unet: UNet25D, start: str = "") -> None:
        torch.manual_seed(configuration.seed)
        self.configuration = configuration
        self._signature = json.dumps([configuration.what_decides_the_weights(), start])
        encoder = FrozenEncoder(deepcopy(unet))
        if configuration.encoder_share:
            encoder = LearningEncoder(encoder)
        self.encoder = encoder.to(memory_format=torch.channels_last)
        self.decoder = PromptedDecoder(CLASSES - 1).to(memory_format=torch.channels_last)
        self.trained = nn.ModuleList([self.encoder, self.decoder])
        self.average = deepcopy(self.trained).eval()
        self.optimizer = self._new_optimizer()
        self.step = 0
        self.losses: list[tuple[float, float]] = []
        self.history: list[dict[str, float]] = []

    def _new_optimizer(self) -> torch.optim.Optimizer:
        """Of what learns. Each group's `share` is its part of the learning rate."""
        to, necks = self.configuration, (self.encoder.coarse, self.encoder.fine)
        groups = [{"params": [w for part in (*necks, self.decoder) for w in part.parameters()], "share": 1.0}]
        if to.encoder_share:
            groups.append({"params": list(self.encoder.unet.parameters()), "share": to.encoder_share})
        return torch.optim.AdamW(groups, lr=to.learning_rate, weight_decay=to.weight_decay)

    def save(self, path: Path) -> None:
        """Writes the state."""
        state = {
            "step": self.step,
            "losses": self.losses,
            "history": self.history,
            "trained": self.trained.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        write_state(path, self._signature, state)

    def load(self, path: Path) -> None:
        """Continues a saved run. Raises UnusableInput if it was made with another configuration."""
        state = read_state(path, self._signature)
        self.step, self.losses, self.history = state["step"], state["losses"], state["history"]
        self.trained.load_state_dict(state["trained"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])

    def finished(self) -> tuple[FrozenEncoder, PromptedDecoder]:
        """Encoder and decoder with the averaged weights, rounded to half precision, for export."""
        encoder, decoder = deepcopy(self.encoder), deepcopy(self.decoder)
        nn.ModuleList([encoder, decoder]).load_state_dict(self.average.state_dict())
        for part in (encoder, decoder):
            round_to_half(part)
        return encoder.eval(), decoder.eval()

    def train_step(self, volumes: Sequence[Volume], sampler: SliceSampler) -> tuple[float, float]:
        """One update; returns the losses of the first answer and of the one after a corrective click."""
        random = np.random.default_rng((self.configuration.seed, 7, self.step))
        images, shares = self._views(volumes, sampler)
        self.trained.train()
        with training_precision(images.device):
            coarse, fine = self.encoder(images.contiguous(memory_format=torch.channels_last))
        asked = self._ask(shares, random)
        target = torch.from_numpy(asked.target)[:, None]
        unnamed = random.random(len(asked.rows)) < self.configuration.prompts.unnamed_share
        named = torch.from_numpy(np.where(unnamed, 0, asked.values))
        mask, has_mask = random_earlier_mask(asked.wanted, self.configuration.prompts, random)
        features = (coarse[asked.rows], fine[asked.rows])
        first, first_quality = self._answer(
            features, asked.places, asked.kinds, named, torch.from_numpy(mask), torch.from_numpy(has_mask)
        )
        answer = first.detach()
        places, kinds = _with_clicks(asked, answer)
        second, second_quality = self._answer(features, places, kinds, named, answer, torch.ones(len(asked.rows)))
        losses = [prompted_loss(first, target, first_quality), prompted_loss(second, target, second_quality)]
        check_finite(losses[0] + losses[1], self.step)
        self._update(losses[0] + losses[1])
        return float(losses[0].detach()), float(losses[1].detach())

    def _answer(
        self,
        features: tuple[Tensor, Tensor],
        places: Tensor,
        kinds: Tensor,
        named: Tensor,
        mask: Tensor,
        has_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Of the decoder, as float32. places: in pixels."""
        unit = (places + 0.5) / self.configuration.size_px
        with training_precision(mask.device):
            logits, quality = self.decoder(*features, unit, kinds, named, mask, has_mask)
        return logits.float(), quality.float()

    def _views(self, volumes: Sequence[Volume], sampler: SliceSampler) -> tuple[Tensor, Tensor]:
        to = self.configuration
        drawn = sampler.at(self.step)
        return random_views(volumes, drawn, to.size_px, to.grid_mm, to.augmentation, to.seed, self.step)

    def _ask(self, shares: Tensor, random: np.random.Generator) -> _Asked:
        labels = shares.argmax(1).numpy()
        rows: list[int] = []
        values: list[int] = []
        for number, plane in enumerate(labels):
            present = [value for value in range(1, CLASSES) if (plane == value).sum() >= _LEAST_PX]
            for value in random.permutation(present)[: self.configuration.structures]:
                rows.append(number)
                values.append(int(value))
        if not rows:  # crops from elsewhere only: one empty question keeps the step's shape
            rows, values = [0], [1]
        options = self.configuration.prompts
        target = np.stack(
            [self._contour(labels[r] == v, shares[r, v].numpy(), random) for r, v in zip(rows, values, strict=True)]
        )
        wanted = target > 0.5
        prompts = [
            random_prompts(one, (labels[row] != value) & (labels[row] != 0) & ~one, options, random)
            for row, value, one in zip(rows, values, wanted, strict=True)
        ]
        places, kinds = (torch.from_numpy(np.stack(part)) for part in zip(*prompts, strict=True))
        return _Asked(rows, values, target, wanted, places, kinds)

    def _contour(self, target: Array, shares: Array, random: np.random.Generator) -> Array:
        options = self.configuration.prompts
        share = options.finishing_share if self._is_finishing else options.other_contour_share
        if target.any() and random.random() < share:
            return other_contour(target, shares, random)
        return shares

    @property
    def _is_finishing(self) -> bool:
        return self.step >= self.configuration.steps

    def _learning_rate(self) -> float:
        to = self.configuration
        if self._is_finishing:
            return learning_rate(self.step - to.steps, to.finishing_steps, 0, to.finishing_rate)
        return learning_rate(self.step, to.steps, to.warm_up_steps, to.learning_rate)

    def _update(self, loss: Tensor) -> None:
        to = self.configuration
        set_rate(self.optimizer, self._learning_rate())
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        check_finite(clip_grad_norm_(self.trained.parameters(), to.gradient_clip), self.step)
        self.optimizer.step()
        forgetting_average(self.average, self.trained, self.step, to.ema_decay)
        self.step += 1


def train_prompted(
    configuration: PromptedConfiguration,
    unet: UNet25D,
    volumes: Sequence[Volume],
    folder: Path,
    progress: Progress = silent,
    save_every: int = 100,
    start: str = "",
) -> PromptedRun:
    """Runs or resumes training in `folder`, where `checkpoint.pt` and `log.jsonl` are kept. The last step is kept.

    start: see `PromptedRun`. Raises UnusableInput if the run in the folder had another configuration or start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = PromptedRun(configuration, unet, start)
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        run.load(checkpoint)
    sampler = SliceSampler(volumes, configuration.slices, configuration.seed)
    steps = configuration.steps + configuration.finishing_steps
    while run.step < steps:
        run.losses.append(run.train_step(volumes, sampler))
        progress(run.step / steps, f"step {run.step} of {steps}, loss {run.losses[-1][0]:.3f}")
        if run.step % save_every == 0 or run.step == steps:
            first, second = np.mean(run.losses, axis=0)
            run.losses = []
            run.history.append({"step": run.step, "first": float(first), "second": float(second)})
            write_files(folder, {"log.jsonl": "".join(json.dumps(row) + "\n" for row in run.history).encode()})
            run.save(checkpoint)
    return run


def _with_clicks(asked: _Asked, answer: Tensor) -> tuple[Tensor, Tensor]:
    """The prompts' tokens and, where the answer is wrong and a token is free, the click that a user would make."""
    places, kinds = asked.places.clone(), asked.kinds.clone()
    for number, (wanted, got) in enumerate(zip(asked.wanted, (answer[:, 0] > 0).numpy(), strict=True)):
        click = corrective_click(wanted, got)
        free = int((kinds[number] != PAD).sum())
        if click is not None and free < TOKENS:
            places[number, free] = torch.tensor([click[1], click[0]])
            kinds[number, free] = click[2]
    return places, kinds
