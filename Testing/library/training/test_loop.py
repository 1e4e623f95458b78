"""Claims about the training loop: it learns, ends where it should, and goes on after any stop as if there was none."""

import json
import math
import os
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.training.checkpoint import CHECKPOINT, averaged_copy, learned_state, read_state
from CardioSAMLib.training.loop import Learner, TrainingRun
from CardioSAMLib.training.losses import Diverged
from CardioSAMLib.training.processes import OneProcess
from CardioSAMLib.training.sampling import Batch, Part, batches_of
from CardioSAMLib.training.schedule import (
    OptimizerOptions,
    forgetting_average,
    learning_rate,
    optimizer_of,
    scheduled_rate,
    set_rate,
)
from CardioSAMLib.training.stack_sampling import StackOptions
from CardioSAMLib.training.watching import validate

CHILD = """
import sys
from functools import partial
from pathlib import Path
import numpy as np, torch
from CardioSAMLib.training.configuration import NetworkChoice, TrainingConfiguration
from CardioSAMLib.training.dataset import Volume
from CardioSAMLib.training.loop import TrainingRun, train
from CardioSAMLib.training.networks import WidthOptions, build_network
from CardioSAMLib.training.processes import started_processes
from CardioSAMLib.training.sampling import batches_of
from CardioSAMLib.training.schedule import OptimizerOptions
from CardioSAMLib.training.watching import validate

torch.set_num_threads(1)
rows, columns = np.mgrid[:48, :48]
labels = np.digitize(-np.hypot(rows - 24, columns - 24), [-14, -10, -6])
targets = np.stack([np.stack([labels == value for value in range(4)])] * 6) * np.uint8(255)
noise = np.random.default_rng(0).normal(0, 0.05, (6, 48, 48))
volumes = [Volume("p", (labels / 3 + noise).astype(np.float16), targets, (24.0, 24.0))]
configuration = TrainingConfiguration(
    "small", NetworkChoice("unet25d", WidthOptions((4, 6, 8))), "s.json", size_px=32, batch=4, steps=40,
    validate_every=10, keep="best", optimizer=OptimizerOptions(warm_up_steps=2),
)
processes = started_processes("cpu")
torch.manual_seed(0)
network = build_network("unet25d", configuration.network.options)
run = TrainingRun(configuration, network, "", None, processes)
out = Path(sys.argv[1])
sampler = batches_of(configuration, volumes, processes.part)
watch = partial(validate, volumes=volumes, size_px=32, encode=None, processes=processes)
train(run, sampler, watch, out, lambda _, message: print(message, flush=True), save_every=3)
torch.save([run.network.state_dict(), run.average.state_dict()], out / f"finished{processes.part.index}.pt")
"""


def child(out, **environment):
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), **environment}
    return subprocess.Popen([sys.executable, "-c", CHILD, str(out)], stdout=subprocess.PIPE, text=True, env=environment)


def same(ours, others):
    return all(torch.equal(value, others[name]) for name, value in ours.items())


def rows_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_training_learns(trained, configuration, tmp_path):
    optimizer = replace(configuration.optimizer, learning_rate=1e-2)
    trained(replace(configuration, steps=60, validate_every=30, optimizer=optimizer), tmp_path)
    rows = rows_of(tmp_path)
    assert [row["step"] for row in rows] == [30, 60]
    assert rows[1]["loss"] < 0.8 * rows[0]["loss"]


def test_a_run_stopped_and_resumed_ends_as_if_it_had_not_been(trained, configuration, tmp_path):
    def stop_at_step_five(fraction, _message):
        if fraction > 5 / configuration.steps - 1e-9:
            raise KeyboardInterrupt

    whole = trained(configuration, tmp_path / "whole", save_every=3)
    with pytest.raises(KeyboardInterrupt):
        trained(configuration, tmp_path / "parts", progress=stop_at_step_five, save_every=3)
    resumed = trained(configuration, tmp_path / "parts", save_every=3)
    assert same(whole.average.state_dict(), resumed.average.state_dict())
    assert rows_of(tmp_path / "whole") == rows_of(tmp_path / "parts")


def test_a_run_killed_at_any_moment_ends_with_the_same_weights(tmp_path):
    """SIGKILL from outside, after a random number of steps, twice; the moment within the step is chance."""
    whole = child(tmp_path / "whole")
    for step in np.random.default_rng().integers(4, 20, 2):
        killed = child(tmp_path / "killed")
        for _ in range(step):
            assert killed.stdout.readline().startswith("step")
        killed.kill()
        assert killed.wait() != 0
    resumed = child(tmp_path / "killed")
    told = resumed.stdout.read().splitlines()
    assert resumed.wait() == 0
    whole.communicate()
    assert len(told) < 40, "it began anew"
    expected, found = (torch.load(tmp_path / name / "finished0.pt") for name in ("whole", "killed"))
    assert all(same(ours, others) for ours, others in zip(expected, found, strict=True))
    assert rows_of(tmp_path / "whole") == rows_of(tmp_path / "killed")


def test_two_processes_share_every_batch_and_hold_the_same_weights(tmp_path):
    """Started as `accelerate launch` starts them, on the CPU."""
    pytest.importorskip("accelerate", reason="needs: pip install '.[train]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    both = [
        child(
            tmp_path, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2",
            MASTER_ADDR="127.0.0.1", MASTER_PORT=port, ACCELERATE_USE_CPU="true",
        )
        for rank in (0, 1)
    ]  # fmt: skip
    told = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert told[0].splitlines()[0] != told[1].splitlines()[0], "each sees slices of its own"
    (first, kept), (second, also_kept) = (torch.load(tmp_path / f"finished{rank}.pt") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first if "running" not in name)
    assert same(kept, also_kept), "what was validated is what is kept"
    rows = rows_of(tmp_path)
    assert [row["step"] for row in rows] == [10, 20, 30, 40]
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_the_parts_of_two_processes_are_the_batch_of_one(volumes, configuration):
    whole = batches_of(configuration, volumes).at(3)
    parts = [batches_of(configuration, volumes, Part(index, 2)) for index in (0, 1)]
    drawn = [part._sampler.at(part._part.step(3)) for part in parts]
    assert drawn[0] + drawn[1] == batches_of(configuration, volumes)._sampler.at(3)
    assert [len(part.at(3).images) for part in parts] == [2, 2]
    assert len(whole.images) == 4
    with pytest.raises(UnusableInput, match="batch of 4 cannot be divided among 3 processes"):
        batches_of(configuration, volumes, Part(0, 3))


def test_a_checkpoint_of_another_configuration_is_not_continued(trained, configuration, tmp_path):
    trained(configuration, tmp_path)
    with pytest.raises(UnusableInput, match="another configuration"):
        trained(replace(configuration, steps=9), tmp_path)


def test_a_checkpoint_on_other_patients_or_another_encoder_is_not_continued(trained, run_of, configuration, tmp_path):
    trained(configuration, tmp_path)
    with pytest.raises(UnusableInput, match="on other images or contours, or from other weights"):
        run_of(configuration, "other patients").load(tmp_path / CHECKPOINT)


FULL_DISK = """
import resource, sys
from pathlib import Path
import torch
from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.checkpoint import write_state

path = Path(sys.argv[1])
write_state(path, "run", {"step": 1})
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
try:
    write_state(path, "run", {"step": 2, "weights": torch.zeros(2**20)})
except UnusableInput as error:
    print(error)
"""


def test_a_full_disk_is_told_and_leaves_the_checkpoint_before(tmp_path):
    """Torch hides what the system says of it."""
    pytest.importorskip("resource", reason="not on Windows")
    path = tmp_path / CHECKPOINT
    told = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True)
    assert "cannot be written; make room" in told.stdout
    assert [file.name for file in tmp_path.iterdir()] == [CHECKPOINT]
    assert read_state(path, "run")["step"] == 1


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_a_damaged_checkpoint_is_told(tmp_path, content):
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(UnusableInput, match="is not a checkpoint of this version"):
        read_state(tmp_path / CHECKPOINT, "run")


def noted(run, scores):
    for score in scores:
        run.step += 1
        run.losses = [1.0]
        run.note({"dice": score})
    return run


def test_a_run_ends_after_so_many_validations_without_a_better_one(run_of, configuration):
    patient = replace(configuration, steps=100, patience=2)
    assert not noted(run_of(patient), [0.5, 0.6, 0.5]).is_finished
    assert noted(run_of(patient), [0.5, 0.6, 0.5, 0.6]).is_finished
    assert not noted(run_of(patient), [0.5, 0.6, 0.5, 0.7, 0.6]).is_finished
    assert not noted(run_of(replace(patient, patience=0)), [0.5] * 20).is_finished


def test_a_run_that_ended_early_is_not_gone_on_with(trained, configuration, tmp_path):
    still = replace(configuration.optimizer, learning_rate=1e-12)
    early = replace(configuration, steps=100, validate_every=2, patience=1, optimizer=still)
    assert trained(early, tmp_path).step < 100
    ended = trained(early, tmp_path).step
    assert trained(early, tmp_path).step == ended


@pytest.mark.parametrize(("keep", "kept"), [("best", 2.0), ("last", 3.0)])
def test_the_weights_of_the_best_validation_or_of_the_last_step_are_kept(run_of, configuration, keep, kept):
    run = run_of(replace(configuration, keep=keep))
    for value, score in ((1.0, 0.5), (2.0, 0.8), (3.0, 0.7)):
        nn.init.constant_(run.average.heads[0].bias, value)
        noted(run, [score])
    run.keep_best()
    assert run.average.heads[0].bias.tolist() == [kept] * 4
    assert run.best_step == 2


class TwoParts(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
        self.decoder.bias.requires_grad_(False)

    def forward(self, images):
        logits = self.decoder(self.encoder(images))
        return Outputs((logits,)) if self.training else logits


def test_the_encoder_has_a_rate_of_its_own_and_frozen_weights_are_in_no_group():
    network = TwoParts()
    optimizer = optimizer_of(network, OptimizerOptions(learning_rate=1e-4, encoder_rate=1e-3))
    set_rate(optimizer, 5e-5)
    rates = {id(weight): group["lr"] for group in optimizer.param_groups for weight in group["params"]}
    assert rates == {
        id(network.decoder.weight): pytest.approx(5e-5),
        id(network.encoder.weight): pytest.approx(5e-4),
        id(network.encoder.bias): pytest.approx(5e-4),
    }
    one = optimizer_of(network, OptimizerOptions(learning_rate=1e-4))
    assert [len(group["params"]) for group in one.param_groups] == [3]


def test_the_gradient_is_no_longer_than_its_limit(volumes, configuration):
    """With plain gradients, rate 1 and no momentum yet, a step is as long as the clipped gradient."""
    options = OptimizerOptions("sgd", 1.0, warm_up_steps=0, weight_decay=0.0, gradient_clip=1e-3)
    network = TwoParts()
    run = TrainingRun(replace(configuration, optimizer=options), network)
    before = [weight.detach().clone() for weight in network.parameters()]
    run.train_step(batches_of(configuration, volumes).at(0))
    moved = torch.cat([(a - b).detach().ravel() for a, b in zip(before, network.parameters(), strict=True)])
    assert float(moved.norm()) == pytest.approx(1e-3, rel=1e-3)


def test_a_gradient_that_is_no_number_changes_no_weight(volumes, configuration):
    run = TrainingRun(configuration, TwoParts())
    next(run.network.parameters()).register_hook(lambda gradient: torch.full_like(gradient, math.inf))
    before = {name: value.clone() for name, value in run.network.named_parameters()}
    with pytest.raises(Diverged, match="gradient of step 1"):
        run.train_step(batches_of(configuration, volumes).at(0))
    assert run.step == 0
    assert all(torch.equal(value, before[name]) for name, value in run.network.named_parameters())


def test_frozen_weights_are_neither_saved_nor_copied_nor_moved():
    network = TwoParts()
    assert set(learned_state(network)) == {"encoder.weight", "encoder.bias", "decoder.weight"}
    average = averaged_copy(network)
    assert average.decoder.bias is network.decoder.bias
    assert average.encoder.weight is not network.encoder.weight
    nn.init.constant_(network.encoder.bias, 1.0)
    nn.init.constant_(average.encoder.bias, 0.0)
    frozen = network.decoder.bias.clone()
    forgetting_average(average, network, 10**6, 0.75)
    assert average.encoder.bias.tolist() == [0.25] * 4
    assert torch.equal(network.decoder.bias, frozen)


def test_the_learning_rate_warms_up_and_falls_to_its_last_value():
    rates = [learning_rate(step, 100, 10, 3e-3, 1e-3) for step in range(101)]
    assert rates[0] == pytest.approx(3e-4)
    assert rates[9] == pytest.approx(3e-3)
    assert rates[55] == pytest.approx(2e-3)
    assert rates[100] == pytest.approx(1e-3)
    assert max(rates) <= 3e-3


def test_the_poly_schedule_falls_with_the_power_of_nine_tenths():
    options = OptimizerOptions("sgd", 1e-2, warm_up_steps=0, schedule="poly")
    rates = [scheduled_rate(step, 100, options) for step in (0, 50, 100)]
    assert rates == pytest.approx([1e-2, 1e-2 * 0.5**0.9, 0.0])


class SeesStacks(nn.Module):
    def __init__(self, asks):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 4, 1, 1))
        self.seen = "not asked"
        if asks:
            self.forward = self._with_stacks

    def forward(self, images):
        return Outputs((images[:, :1] + self.weight,))

    def _with_stacks(self, images, stacks=None):
        self.seen = stacks
        return Outputs((images[:, :1] + self.weight,))


def test_a_network_gets_the_stacks_if_it_asks_for_them(volumes, configuration):
    stacks = StackOptions(stacks=2, cut_share=0.0)
    batch = batches_of(replace(configuration, stacks=stacks), volumes).at(0)
    assert batch.stacks.tolist() == [0] * 4 + [1] * 4
    asks, asks_not = SeesStacks(True), SeesStacks(False)
    for network in (asks, asks_not):
        Learner(network, None)(batch, None)
    assert asks.seen.tolist() == batch.stacks.tolist()
    assert asks_not.seen == "not asked"


def test_features_given_take_the_place_of_the_encoder(configuration):
    class Split(nn.Module):
        def __init__(self):
            super().__init__()
            self.decoder = Decoder()

        def forward(self, _images):
            raise AssertionError("the encoder was asked")

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Conv2d(2, 4, 1)

        def forward(self, features, size):
            logits = nn.functional.interpolate(self.head(features[0]), size)
            return Outputs((logits,)) if self.training else logits

    given = torch.ones(3, 2, 4, 4)
    run = TrainingRun(configuration, Split(), "", lambda images: (given[: len(images)],))
    shares = torch.full((3, 4, 32, 32), 0.25)
    assert run.train_step(Batch(torch.zeros(3, 3, 32, 32), shares)) > 0


def test_validation_is_the_mean_over_volumes_also_of_volumes_smaller_than_the_crop(volumes):
    class Truth(nn.Module):
        """Knows the intensities that the volumes are made of: cavity .9, outer ring .7, all else .2."""

        def forward(self, images):
            middle = images[:, 1:2]
            brightest = middle.amax((2, 3), keepdim=True)
            return torch.cat([(brightest - 0.6).expand_as(middle), middle * 0 - 9, middle * 0 - 9, middle], dim=1)

    scores = validate(Truth(), volumes, 64, None, OneProcess())
    assert scores["dice_1"] == 0.0
    assert scores["dice_2"] == 0.0
    assert scores["dice_3"] > 0.9
    assert scores["dice"] == pytest.approx(scores["dice_3"] / 3)
