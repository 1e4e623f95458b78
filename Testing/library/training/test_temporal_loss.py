"""Claims about learning from cines of which few frames are labeled."""

import math

import pytest
import torch
from torch import nn

from CardioSAMLib.networks.cardiosam_decoder import CardioSAMDecoder, DecoderOptions
from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.networks.temporal import CyclePredictors, TemporalDecoder, TemporalFeatures
from CardioSAMLib.training.composite_loss import LossOptions, composite_loss
from CardioSAMLib.training.temporal_loss import (
    CycleTargets,
    TemporalLossOptions,
    cycle_loss,
    teacher_divergence,
    temporal_loss,
)

WIDTH, FRAMES, SIZE = 8, 6, (32, 32)


def test_the_divergence_from_a_sure_teacher_is_minus_the_log_of_what_it_was_sure_of():
    teacher = torch.tensor([40.0, 0.0, 0.0, 0.0]).view(1, 4, 1, 1).expand(2, 4, 3, 3)
    # KL(one-hot || quarters) = log 4.
    assert teacher_divergence(torch.zeros(2, 4, 3, 3), teacher).item() == pytest.approx(math.log(4))


def test_the_divergence_is_the_teacher_s_from_the_student_and_not_the_other_way():
    teacher = torch.log(torch.tensor([0.7, 0.1, 0.1, 0.1])).view(1, 4, 1, 1)
    student = torch.zeros(1, 4, 1, 1)
    expected = 0.7 * math.log(0.7 / 0.25) + 3 * 0.1 * math.log(0.1 / 0.25)
    assert teacher_divergence(student, teacher).item() == pytest.approx(expected)
    assert teacher_divergence(teacher, teacher).item() == pytest.approx(0.0, abs=1e-7)


def test_without_unlabeled_frames_there_is_no_divergence():
    assert teacher_divergence(torch.zeros(0, 4, 3, 3), torch.zeros(0, 4, 3, 3)).item() == 0.0


def test_the_cycle_loss_is_the_mean_square_of_what_does_not_come_back():
    predictors = CyclePredictors(2)
    for weight in predictors.parameters():
        nn.init.zeros_(weight)
    # All is predicted as zero: the mean of (1^2 + 3^2) / 2.
    embeddings = torch.tensor([1.0, 3.0]).view(1, 1, 2, 1, 1).expand(1, 4, 2, 3, 3)
    assert cycle_loss(embeddings, predictors).item() == pytest.approx(5.0)


def test_predictors_that_change_nothing_have_no_cycle_loss():
    predictors = CyclePredictors(2)
    for conv in (predictors.ahead[0], predictors.ahead[2], predictors.back[0], predictors.back[2]):
        nn.init.dirac_(conv.weight)
        nn.init.zeros_(conv.bias)
    assert cycle_loss(torch.rand(1, 4, 2, 3, 3), predictors).item() == pytest.approx(0.0, abs=1e-12)


@pytest.fixture
def cine():
    """Embeddings of a cine, its labels at two frames, and a per-frame teacher's answers."""
    torch.manual_seed(0)
    decoder = CardioSAMDecoder((WIDTH,), DecoderOptions(widths=(16, 8, 8, 4)))
    embeddings = torch.randn(1, FRAMES, WIDTH, 2, 2)
    with torch.no_grad():
        teacher = decoder.eval()((embeddings[0],), SIZE)
    labels = torch.zeros(2, *SIZE, dtype=torch.long)
    labels[:, 8:24, 8:24] = 3
    labeled = torch.tensor([True, False, False, True, False, False])
    targets = CycleTargets(labeled, nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2).float(), teacher)
    return decoder, embeddings, targets


def test_labels_count_at_their_frames_and_the_teacher_at_all_others(cine):
    decoder, embeddings, targets = cine
    outputs = decoder.train()((embeddings[0],), SIZE)
    predictors = CyclePredictors(WIDTH)
    options = TemporalLossOptions(LossOptions(), consistency=2.0, cycle=0.5)
    moved = Outputs((outputs.logits[0] + torch.randn(FRAMES, 4, *SIZE),), outputs.boundary)
    supervised = Outputs((moved.logits[0][[0, 3]],), moved.boundary[[0, 3]])
    expected = (
        composite_loss(supervised, targets.shares, options.labels)
        + 2.0 * teacher_divergence(moved.logits[0][[1, 2, 4, 5]], targets.teacher[[1, 2, 4, 5]])
        + 0.5 * cycle_loss(embeddings, predictors)
    )
    assert temporal_loss(moved, embeddings, targets, predictors, options).item() == pytest.approx(expected.item())


def test_the_temporal_module_learns_from_two_labeled_frames(cine):
    decoder, embeddings, targets = cine
    network = TemporalDecoder(TemporalFeatures(WIDTH), decoder).train()
    predictors = CyclePredictors(WIDTH)
    optimizer = torch.optim.AdamW([*network.parameters(), *predictors.parameters()], lr=3e-3)
    losses = []
    for _ in range(12):
        refined = network.temporal(embeddings)
        loss = temporal_loss(network.decoded((refined,), SIZE), refined, targets, predictors, TemporalLossOptions())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert max(losses[-3:]) < 0.9 * losses[0]
    assert (network.temporal(embeddings) - embeddings).abs().max() > 1e-3
