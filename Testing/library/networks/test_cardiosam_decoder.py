"""Claims about the decoder, its ablation rows and its size."""

import pytest
import torch
from torch import nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.networks.cardiosam_decoder import (
    ABLATION_ROWS,
    CardioSAMDecoder,
    ChannelAttention,
    DecoderOptions,
    PlaceAttention,
    UpStage,
)
from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.networks.sam import sam_image_encoder
from CardioSAMLib.networks.sam_architectures import ARCHITECTURES

SMALL = (32, 16, 16, 8)
PAPER_M = 98.2
"""Parameters the paper states, in millions; no network of its description has as many."""


def parameters_m(module):
    return sum(weight.numel() for weight in module.parameters()) / 1e6


@pytest.fixture(scope="module")
def paper():
    with torch.device("meta"):
        return CardioSAMDecoder((256,), DecoderOptions())


def vit_b_m(size_px):
    with torch.device("meta"):
        return parameters_m(sam_image_encoder(ARCHITECTURES[0], size_px))


def test_the_paper_s_decoder_has_5_18_million_parameters(paper):
    assert 5.0 < parameters_m(paper) < 5.4
    assert parameters_m(paper) == pytest.approx(5.18, abs=0.005)


def test_each_part_has_the_parameters_its_layers_add_up_to(paper):
    # Three branches of a 7x7 depthwise convolution and three projections to 64, an attention of four 256 x 256, and the
    # two convolutions of the merge, all with biases.
    branch = 256 * 49 + 256 + 3 * (256 * 64 + 64)
    merge = (3 * 64 + 256) * 9 * 256 + 256 + 256 * 256 + 256
    assert parameters_m(paper.csam) * 1e6 == pytest.approx(3 * branch + 4 * (256 * 256 + 256) + merge)
    assert parameters_m(paper.start) == pytest.approx(1.181, abs=5e-4)
    assert [parameters_m(stage) for stage in paper.stages] == pytest.approx([1.714, 0.429, 0.108], abs=5e-4)
    assert parameters_m(paper.fusion) == pytest.approx(0.014, abs=5e-4)
    assert parameters_m(paper.boundary) + parameters_m(paper.head) == pytest.approx(0.186, abs=5e-4)


@pytest.mark.parametrize(("size_px", "encoder_m", "together_m"), [(224, 86.62, 91.8), (1024, 89.67, 94.9)])
def test_with_vit_b_it_stays_below_what_the_paper_states(paper, size_px, encoder_m, together_m):
    encoder = vit_b_m(size_px)
    together = encoder + parameters_m(paper)
    print(f"ViT-B at {size_px}: {encoder:.2f} M, with the decoder {together:.1f} M; the paper states {PAPER_M} M")
    assert encoder == pytest.approx(encoder_m, abs=0.005)
    assert together == pytest.approx(together_m, abs=0.05)
    assert together < PAPER_M


def test_each_ablation_row_adds_the_part_it_is_named_for():
    with torch.device("meta"):
        rows = {name: CardioSAMDecoder((256,), options) for name, options in ABLATION_ROWS.items()}
    kinds = {
        name: {type(module).__name__ for module in decoder.modules()}
        & {"StructureAttention", "ChannelAttention", "PlaceAttention", "Fusion", "BoundaryRefinement"}
        for name, decoder in rows.items()
    }
    assert kinds["R0"] == set()
    assert kinds["R1"] == {"ChannelAttention", "PlaceAttention", "Fusion"}
    assert kinds["R2"] == kinds["R1"] | {"StructureAttention"}
    assert kinds["R3"] == kinds["R4"] == kinds["R2"] | {"BoundaryRefinement"}


@pytest.mark.parametrize("row", ABLATION_ROWS)
@pytest.mark.parametrize("size", [(32, 32), (48, 80)])
def test_every_row_answers_at_the_size_of_the_image(row, size):
    options = ABLATION_ROWS[row]
    decoder = CardioSAMDecoder((256,), DecoderOptions(**{**vars(options), "widths": SMALL}))
    embedding = torch.randn(2, 256, size[0] // 16, size[1] // 16)
    outputs = decoder((embedding,), size)
    assert isinstance(outputs, Outputs)
    assert [logits.shape for logits in outputs.logits] == [(2, 4, *size)]
    if options.boundary:
        assert outputs.boundary.shape == (2, 1, size[0] // 2, size[1] // 2)
    else:
        assert outputs.boundary is None
    with torch.no_grad():
        answer = decoder.eval()((embedding,), size)
    torch.testing.assert_close(answer, outputs.logits[0])


def test_the_published_shapes_at_224(paper):
    shapes = {}

    def remember(name):
        return lambda _, __, result: shapes.update({name: result.shape[1:]})

    handles = [stage.register_forward_hook(remember(f"up {n}")) for n, stage in enumerate(paper.stages, start=1)]
    handles += [paper.start.register_forward_hook(remember("start")), paper.fusion.register_forward_hook(remember("f"))]
    outputs = paper((torch.empty(1, 256, 14, 14, device="meta"),), (224, 224))
    for handle in handles:
        handle.remove()
    assert shapes == {
        "start": (512, 14, 14),
        "up 1": (256, 28, 28),
        "up 2": (128, 56, 56),
        "up 3": (64, 112, 112),
        "f": (96, 112, 112),
    }
    assert outputs.boundary.shape == (1, 1, 112, 112)


def test_every_weight_of_the_whole_decoder_learns():
    torch.manual_seed(0)
    decoder = CardioSAMDecoder((32,), DecoderOptions(widths=SMALL))
    nn.init.normal_(decoder.csam.change.weight, std=0.1)
    outputs = decoder((torch.randn(2, 32, 3, 3),), (48, 48))
    (outputs.logits[0].square().sum() + outputs.boundary.square().sum()).backward()
    assert [name for name, weight in decoder.named_parameters() if not weight.grad.abs().sum() > 0] == []


def test_earlier_features_reach_the_answer_and_those_finer_than_the_last_stage_do_not():
    torch.manual_seed(0)
    decoder = CardioSAMDecoder((32, 12, 10, 6, 5), DecoderOptions(early=True, widths=SMALL)).eval()
    sizes = (2, 4, 8, 16, 32)
    features = [torch.randn(1, c, s, s) for c, s in zip((32, 12, 10, 6, 5), sizes, strict=True)]
    with torch.no_grad():
        before = decoder(tuple(features), (32, 32))
        for level in range(5):
            changed = [feature + (number == level) for number, feature in enumerate(features)]
            differs = (decoder(tuple(changed), (32, 32)) - before).abs().max() > 1e-4
            assert differs == (level < 4)


def test_the_paper_s_rows_use_the_embedding_alone():
    assert not any(options.early for options in ABLATION_ROWS.values())
    decoder = CardioSAMDecoder((32, 12), DecoderOptions(widths=SMALL))
    assert len(decoder.early) == 0
    assert decoder((torch.randn(1, 32, 2, 2), torch.randn(1, 12, 4, 4)), (32, 32)).logits[0].shape == (1, 4, 32, 32)


def test_earlier_features_of_an_encoder_without_any_are_refused():
    with pytest.raises(UnusableInput, match="early = false"):
        CardioSAMDecoder((256,), DecoderOptions(early=True))


def test_attention_to_channels_and_places_weighs_by_a_half_before_it_knows():
    maps = torch.randn(2, 16, 4, 5)
    for module in (ChannelAttention(16), PlaceAttention()):
        for weight in module.parameters():
            nn.init.zeros_(weight)
        torch.testing.assert_close(module(maps), maps / 2)


def test_channels_are_weighed_one_by_one_and_places_one_by_one():
    torch.manual_seed(0)
    maps = torch.rand(1, 16, 4, 5) + 0.5
    by_channel = ChannelAttention(16)(maps) / maps
    assert by_channel.std(dim=(2, 3)).max() < 1e-6
    assert by_channel.mean(dim=(2, 3)).std() > 1e-3
    by_place = PlaceAttention()(maps) / maps
    assert by_place.std(dim=1).max() < 1e-6
    assert by_place.mean(dim=1).std() > 1e-3


@pytest.mark.parametrize("early", [None, torch.linspace(-1.0, 1.0, 16 * 80).reshape(1, 16, 8, 10)], ids=["no", "early"])
def test_a_stage_whose_residual_is_nothing_gives_what_it_raised_weighed_by_its_attention(early):
    torch.manual_seed(0)
    stage, maps = UpStage(8, 16, attention=True), torch.randn(1, 8, 4, 5)
    nn.init.zeros_(stage.residual[-1].weight)
    nn.init.zeros_(stage.residual[-1].bias)
    raised = stage.up(maps) if early is None else stage.up(maps) + early
    torch.testing.assert_close(stage(maps, early), stage.attention(raised.relu()))


def test_fusion_sees_the_stages_as_they_are_and_the_head_the_last_one_refined():
    torch.manual_seed(0)
    decoder, embedding = CardioSAMDecoder((32,), DecoderOptions(widths=SMALL)).eval(), torch.randn(1, 32, 2, 2)
    fused, headed = [], []
    decoder.fusion.register_forward_pre_hook(lambda _, given: fused.append(given[0]))
    decoder.head.register_forward_pre_hook(lambda _, given: headed.append(given[0]))
    with torch.no_grad():
        decoder((embedding,), (32, 32))
        decoder.boundary.refine.bias += 1.0
        decoder((embedding,), (32, 32))
    assert [level.shape[1] for level in fused[0]] == [16, 16, 8]
    torch.testing.assert_close(fused[1], fused[0])
    difference = headed[1] - headed[0]
    torch.testing.assert_close(difference[:, :8], torch.ones(1, 8, 16, 16))
    torch.testing.assert_close(difference[:, 8:], torch.zeros(1, 96, 16, 16))
