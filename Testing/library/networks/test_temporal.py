"""Claims about the temporal module: it sees the whole cycle, which has no first frame."""

import pytest
import torch
from torch import nn

from CardioSAMLib.networks.cardiosam_decoder import CardioSAMDecoder, DecoderOptions
from CardioSAMLib.networks.temporal import CircularConvGRU, CyclePredictors, TemporalDecoder, TemporalFeatures

WIDTH = 8


@pytest.fixture
def temporal():
    torch.manual_seed(0)
    module = TemporalFeatures(WIDTH)
    nn.init.normal_(module.joined.weight)
    return module


@pytest.fixture
def cine():
    torch.manual_seed(1)
    return torch.randn(2, 20, WIDTH, 3, 4)


def test_a_new_module_returns_what_it_is_given(cine):
    assert torch.equal(TemporalFeatures(WIDTH)(cine), cine)


def test_the_three_by_one_by_one_convolution_is_exactly_circular(temporal, cine):
    def neighbors(frames):
        return temporal.neighbors(frames.transpose(1, 2)).transpose(1, 2)

    torch.testing.assert_close(neighbors(cine.roll(7, dims=1)), neighbors(cine).roll(7, dims=1))
    weight = temporal.neighbors.weight[:, 0, :, 0, 0].T  # (3, channels)
    first = sum(cine[:, frame] * weight[tap][:, None, None] for tap, frame in enumerate((-1, 0, 1)))
    torch.testing.assert_close(neighbors(cine)[:, 0], first + temporal.neighbors.bias[:, None, None])


@pytest.mark.parametrize("shift", [1, 7, 19])
def test_rolling_the_frames_rolls_the_result(temporal, cine, shift):
    with torch.no_grad():
        change = temporal(cine) - cine
        rolled = temporal(cine.roll(shift, dims=1)) - cine.roll(shift, dims=1)
    assert (rolled - change.roll(shift, dims=1)).abs().max() < 1e-4 * change.abs().max()


def test_without_the_first_round_the_first_frame_would_not_know_of_the_last(cine):
    torch.manual_seed(0)
    unit = CircularConvGRU(WIDTH, 4)
    last_changed = cine.clone()
    last_changed[:, -1] += 1.0
    with torch.no_grad():
        difference = (unit(last_changed) - unit(cine)).abs().amax(dim=(0, 2, 3, 4))
    # The last frame itself feels it most, the first, which follows it, next, and so on round the circle.
    assert difference[-1] > difference[0] > difference[1] > difference[3] > 0


def test_every_frame_knows_of_frames_on_both_sides(temporal, cine):
    changed = cine.clone()
    changed[:, 10] += 1.0
    with torch.no_grad():
        difference = (temporal(changed) - temporal(cine)).abs().amax(dim=(0, 2, 3, 4))
    assert difference[8] > 1e-3
    assert difference[12] > 1e-3


def test_a_state_is_what_the_gates_make_of_the_one_before():
    torch.manual_seed(0)
    unit = CircularConvGRU(1, 1)
    frames = torch.tensor([0.3, -0.8]).view(1, 2, 1, 1, 1)
    centers = [conv.weight[:, 0, 1, 1].double() for conv in (unit.given, unit.remembered)]
    biases = [conv.bias.double() for conv in (unit.given, unit.remembered)]
    state, kept = torch.zeros((), dtype=torch.double), []
    for frame in (0.3, -0.8, 0.3, -0.8):
        x, h = frame * centers[0] + biases[0], state * centers[1] + biases[1]
        keep = torch.sigmoid(x[1] + h[1])
        state = keep * state + (1 - keep) * torch.tanh(x[2] + torch.sigmoid(x[0] + h[0]) * h[2])
        kept.append(state.item())
    assert unit(frames).flatten().tolist() == pytest.approx(kept[2:], abs=1e-6)


def test_a_cine_of_one_frame_and_one_of_two_go_through(temporal):
    for frames in (1, 2):
        assert temporal(torch.randn(1, frames, WIDTH, 3, 3)).shape == (1, frames, WIDTH, 3, 3)


def test_every_weight_learns(temporal, cine):
    temporal(cine).square().sum().backward()
    assert [name for name, weight in temporal.named_parameters() if not weight.grad.abs().sum() > 0] == []


def test_a_new_temporal_decoder_answers_as_the_decoder_does_frame_by_frame():
    torch.manual_seed(0)
    decoder = CardioSAMDecoder((WIDTH, 6), DecoderOptions(early=True, widths=(16, 8, 8, 4))).eval()
    network = TemporalDecoder(TemporalFeatures(WIDTH), decoder).eval()
    features = torch.randn(2, 3, WIDTH, 2, 2), torch.randn(2, 3, 6, 4, 4)
    with torch.no_grad():
        answer = network(features, (32, 32))
        for cine in range(2):
            for frame in range(3):
                alone = decoder(tuple(level[cine, frame][None] for level in features), (32, 32))
                torch.testing.assert_close(answer[3 * cine + frame][None], alone, rtol=1e-4, atol=1e-5)


def test_predictors_keep_the_shape_of_the_embeddings():
    assert CyclePredictors(WIDTH)(torch.randn(2, 3, WIDTH, 4, 5)).shape == (2, 3, WIDTH, 4, 5)
