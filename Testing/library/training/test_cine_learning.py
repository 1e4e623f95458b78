"""Claims about training the temporal module: from where it begins, what it learns, and that a stop changes nothing."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from CardioSAMLib.networks.encoders import UNetEncoder
from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.training import cine_learning
from CardioSAMLib.training.cine_learning import CineLearner
from CardioSAMLib.training.cine_sampling import CycleBatches
from CardioSAMLib.training.cine_watching import validate_cines
from CardioSAMLib.training.composite_loss import composite_loss
from CardioSAMLib.training.loop import TrainingRun, train
from CardioSAMLib.training.networks import build_network
from CardioSAMLib.training.temporal_loss import cycle_loss, temporal_loss

SIZE = (32, 32)


@pytest.fixture
def network(cine_configuration):
    """With an encoder that has no skill, but whose features differ from image to image."""
    torch.manual_seed(0)
    encoder = UNetEncoder(UNet25D((4, 6, 8, 8, 24)))
    choice = cine_configuration.network
    return build_network(choice.kind, choice.options, encoder)


@pytest.fixture
def batch(cine_configuration, cines):
    return CycleBatches(cine_configuration, cine_configuration.cines, cines).at(0)


@pytest.fixture
def trained(cine_configuration, cines):
    """A run from the same first weights, trained in a folder."""

    def finished(folder, **options):
        torch.manual_seed(0)
        encoder = UNetEncoder(UNet25D((4, 6, 8, 8, 24)))
        choice = cine_configuration.network
        run = TrainingRun(cine_configuration, build_network(choice.kind, choice.options, encoder))
        watch = partial(
            validate_cines, cines=cines, configuration=cine_configuration, encode=None, processes=run.processes
        )
        train(run, CycleBatches(cine_configuration, cine_configuration.cines, cines), watch, folder, **options)
        return run

    return finished


def test_before_the_first_step_the_answer_is_the_teachers(network, batch, cine_configuration):
    learner = CineLearner(network, cine_configuration.loss, cine_configuration.cines)
    network.eval()
    with torch.no_grad():
        answers = torch.cat([network(cycle) for cycle in batch.images.split(batch.frames)])
        teacher = learner.teacher(network.features(batch.images), SIZE)
    torch.testing.assert_close(answers, teacher)


def test_the_loss_is_that_of_the_labeled_frames_alone_while_nothing_differs_from_the_teacher(
    network, batch, cine_configuration
):
    learner = CineLearner(network, cine_configuration.loss, cine_configuration.cines)
    network.train()
    given = network.features(batch.images)
    labeled = batch.asked[batch.labeled]
    alone: Outputs = network.decoder.decoder(tuple(level[labeled] for level in given), SIZE)
    expected = composite_loss(alone, batch.shares, cine_configuration.loss)
    expected = expected + 0.1 * cycle_loss(given[0][None], network.decoder.predictors)
    torch.testing.assert_close(learner(batch, None), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(learner(batch, given), expected, rtol=1e-4, atol=1e-5)


def test_the_teacher_stays_as_it_was(network, batch, cine_configuration):
    run = TrainingRun(cine_configuration, network)
    learner = run._learner
    before = [weight.clone() for weight in learner.teacher.parameters()]
    decoder = [weight.clone() for weight in network.decoder.decoder.parameters()]
    for _ in range(3):
        run.train_step(batch)
    assert all(torch.equal(*pair) for pair in zip(before, learner.teacher.parameters(), strict=True))
    assert not any(torch.equal(*pair) for pair in zip(decoder, network.decoder.decoder.parameters(), strict=True))


def test_the_temporal_module_and_the_predictors_learn_and_the_encoder_does_not(network, batch, cine_configuration):
    # The last layer of the temporal module begins at zero, and holds back the gradients of those before it.
    nn.init.normal_(network.decoder.temporal.joined.weight, std=0.1)
    CineLearner(network.train(), cine_configuration.loss, cine_configuration.cines)(batch, None).backward()
    for module in (network.decoder.temporal, network.decoder.predictors):
        assert all(weight.grad.any() for weight in module.parameters())
    assert all(weight.grad is None for weight in network.encoder.parameters())


@pytest.mark.usefixtures("matrix_instructions")
def test_in_half_precision_the_losses_are_full_and_all_learns_that_should(
    network, batch, cine_configuration, monkeypatch
):
    seen = []

    def noted(found, embeddings, targets, *others):
        seen.extend([*found.logits, embeddings, targets.teacher])
        return temporal_loss(found, embeddings, targets, *others)

    monkeypatch.setattr(cine_learning, "temporal_loss", noted)
    nn.init.normal_(network.decoder.temporal.joined.weight, std=0.1)
    precisions = []
    network.decoder.temporal.joined.register_forward_hook(lambda *given: precisions.append(given[-1].dtype))
    CineLearner(network.train(), cine_configuration.loss, cine_configuration.cines)(batch, None).backward()
    assert set(precisions) == {torch.bfloat16}
    assert {one.dtype for one in seen} == {torch.float32}
    assert all(weight.grad.any() for weight in network.decoder.temporal.parameters())


def test_a_cycle_knows_nothing_of_another_one_in_its_batch(network, batch, cine_configuration):
    nn.init.normal_(network.decoder.temporal.joined.weight, std=0.1)
    seen = []
    network.decoder.temporal.register_forward_hook(lambda _module, given, _answer: seen.append(given[0]))
    CineLearner(network, cine_configuration.loss, cine_configuration.cines)(batch, None)
    assert [tuple(cycle.shape[:2]) for cycle in seen] == [(1, frames) for frames in batch.frames]


def test_training_lowers_the_loss(network, batch, cine_configuration):
    optimizer = replace(cine_configuration.optimizer, learning_rate=3e-3)
    run = TrainingRun(replace(cine_configuration, steps=20, optimizer=optimizer), network)
    losses = [run.train_step(batch) for _ in range(20)]
    assert max(losses[-3:]) < 0.9 * losses[0]


def test_a_run_stopped_and_resumed_ends_as_if_it_had_not_been(trained, tmp_path):
    def stop_after_step_four(_fraction, message):
        if message.startswith("step 4"):
            raise KeyboardInterrupt

    whole = trained(tmp_path / "whole", save_every=2)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "parts", progress=stop_after_step_four, save_every=2)
    resumed = trained(tmp_path / "parts", save_every=2)
    ours, others = whole.average.state_dict(), resumed.average.state_dict()
    assert all(torch.equal(value, others[name]) for name, value in ours.items())
    assert (tmp_path / "whole" / "log.jsonl").read_text() == (tmp_path / "parts" / "log.jsonl").read_text()


def test_after_training_a_roll_of_the_cine_rolls_the_answer(network, cine_configuration, cines):
    """But for what the module remembers for longer than a cycle: little of what it changes."""
    run = TrainingRun(replace(cine_configuration, steps=15), network)
    sampler = CycleBatches(cine_configuration, cine_configuration.cines, cines)
    for step in range(15):
        run.train_step(sampler.at(step))
    cycle = cines[0].cycle([0, 1, 2])[:, :, :32, :32].repeat(4, 1, 1, 1)  # 20 frames, as cines have
    cycle = cycle + 0.3 * torch.randn(cycle.shape, generator=torch.Generator().manual_seed(0))
    network.eval()
    with torch.no_grad():
        answer, rolled = network(cycle), network(cycle.roll(7, dims=0))
        alone = network.decoder.decoder(network.features(cycle), SIZE)
    change = (answer - alone).abs().max()
    assert change > 1e-3, "the module does something"
    assert (rolled - answer.roll(7, dims=0)).abs().max() < 0.01 * change
