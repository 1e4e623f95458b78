"""Claims about `sam_adapters`, on a small ViT of the official layout; counts on ViT-B without values."""

import copy

import pytest
import torch
from segment_anything.modeling.image_encoder import Attention

from CardioSAMLib.networks.sam_adapters import (
    LoraQkv,
    PrefixAttention,
    add_lora,
    add_prefix_tokens,
    merge_lora,
)
from CardioSAMLib.networks.sam_architectures import ARCHITECTURES, SamArchitecture
from CardioSAMLib.networks.sam_encoder import SamEncoder

SMALL = SamArchitecture("small", 32, 3, 2, (1,))
SIZE = 240
"""A grid of 15: windows of 14 have to be padded."""


@pytest.fixture
def encoder():
    torch.manual_seed(7)
    made = SamEncoder(SMALL, SIZE, "sam")
    for name, weight in made.named_parameters():
        if "pos" in name:
            torch.nn.init.normal_(weight, 0.0, 0.2)
    return made


@pytest.fixture
def images():
    return torch.randn(1, 3, 48, 48, generator=torch.Generator().manual_seed(8))


def learning(encoder):
    return [weight for weight in encoder.parameters() if weight.requires_grad]


def learned(encoder):
    """The encoder after something was learned, whatever it was."""
    with torch.no_grad():
        for weight in learning(encoder):
            weight.normal_(0.0, 0.3)
    return encoder


def vit_b():
    with torch.device("meta"):
        return SamEncoder(ARCHITECTURES[0], 1024, "sam")


@pytest.mark.parametrize(
    ("add", "expected"),
    [
        (add_lora, 589_824),  # 12 blocks, queries and values, 16 x 768 down and up
        (add_prefix_tokens, 12 * 2 * 10 * 768),
    ],
)
def test_as_many_weights_learn_on_vit_b_as_published(add, expected):
    encoder = vit_b()
    add(encoder)
    assert sum(weight.numel() for weight in learning(encoder)) == expected


@pytest.mark.parametrize("add", [add_lora, add_prefix_tokens])
def test_the_official_names_and_weights_stay(encoder, add):
    before = copy.deepcopy(encoder.state_dict())
    add(encoder)
    after = encoder.state_dict()
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    assert len(after) > len(before)


def test_lora_changes_nothing_before_it_learns(encoder, images):
    before = encoder(images)[0]
    add_lora(encoder)
    assert torch.equal(encoder(images)[0], before)


def test_lora_adds_the_scaled_product_to_queries_and_values_and_leaves_keys():
    torch.manual_seed(0)
    qkv = torch.nn.Linear(2, 6)
    adapted = LoraQkv(qkv, rank=1, alpha=3.0)
    with torch.no_grad():
        for part, down, up in ((adapted.query, (1.0, 2.0), (5.0, -1.0)), (adapted.value, (0.0, 1.0), (2.0, 4.0))):
            part.down.weight.copy_(torch.tensor([down]))
            part.up.weight.copy_(torch.tensor([up]).T)
    token = torch.tensor([10.0, 1.0])
    # A x is 12 for queries and 1 for values; alpha / rank is 3.
    added = torch.tensor([12 * 5 * 3.0, 12 * -1 * 3.0, 0.0, 0.0, 1 * 2 * 3.0, 1 * 4 * 3.0])
    torch.testing.assert_close(adapted(token), qkv(token) + added)
    torch.testing.assert_close(adapted.merged()(token), qkv(token) + added)


def test_merged_lora_gives_the_same_embedding_from_official_layers_alone(encoder, images):
    official = set(encoder.state_dict())
    before = encoder(images)[0]
    add_lora(encoder)
    adapted = learned(encoder)(images)[0]
    merge_lora(encoder)
    torch.testing.assert_close(encoder(images)[0], adapted, atol=1e-4, rtol=0)
    assert (adapted - before).abs().max() > 1e-2
    assert set(encoder.state_dict()) == official
    assert not any(weight.requires_grad for weight in encoder.parameters())


@pytest.mark.parametrize("add", [add_lora, add_prefix_tokens])
def test_a_gradient_reaches_the_adapters_of_every_block_and_nothing_else(encoder, images, add):
    official = set(encoder.state_dict())
    add(encoder)
    # The embedding is normalized at each place: its mean square is the same whatever it is.
    learned(encoder)(images)[0].relu().square().mean().backward()
    weights = dict(encoder.named_parameters())
    own = set(weights) - official
    assert len(own) == SMALL.depth * (4 if add is add_lora else 2)
    assert all(weights[name].grad is not None and weights[name].grad.abs().max() > 0 for name in own)
    assert all(weights[name].grad is None for name in official)


@pytest.mark.parametrize("add", [add_lora, add_prefix_tokens])
def test_steps_of_an_optimizer_bring_the_embedding_nearer_to_what_is_wanted(encoder, images, add):
    torch.manual_seed(9)
    with torch.no_grad():
        wanted = encoder(images.flip(-1))[0]
    add(encoder)
    optimizer = torch.optim.AdamW(learning(encoder), lr=1e-2)
    losses = []
    for _ in range(4):
        loss = (encoder(images)[0] - wanted).square().mean()
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0]


def attention(width=8, heads=2, grid=(2, 3)):
    torch.manual_seed(1)
    made = Attention(width, heads, use_rel_pos=True, input_size=grid)
    for table in (made.rel_pos_h, made.rel_pos_w):
        torch.nn.init.normal_(table)
    return made, torch.randn(2, *grid, width)


def test_attention_without_prefix_tokens_is_the_official_one():
    official, tokens = attention()
    torch.testing.assert_close(PrefixAttention(official, 0)(tokens), official(tokens))


def test_prefix_tokens_are_keys_and_values_without_a_position():
    """Against torch's own attention, with SAM's relative positions as its bias and none of the prefix tokens."""
    official, tokens = attention()
    prefixed = PrefixAttention(official, 4)
    torch.nn.init.normal_(prefixed.prefix_keys)
    torch.nn.init.normal_(prefixed.prefix_values)
    query, key, value = official.qkv(tokens).reshape(2, 6, 3, 2, 4).permute(2, 0, 3, 1, 4)
    places = torch.cartesian_prod(torch.arange(2), torch.arange(3))
    apart = places[:, None] - places[None, :]
    rows, columns = official.rel_pos_h[apart[..., 0] + 1], official.rel_pos_w[apart[..., 1] + 2]
    bias = torch.einsum("bhqd,qkd->bhqk", query, rows + columns)
    answer = torch.nn.functional.scaled_dot_product_attention(
        query,
        torch.cat([prefixed.prefix_keys.expand(2, -1, -1, -1), key], dim=2),
        torch.cat([prefixed.prefix_values.expand(2, -1, -1, -1), value], dim=2),
        attn_mask=torch.nn.functional.pad(bias, (4, 0)),
    )
    expected = official.proj(answer.transpose(1, 2).reshape(2, 2, 3, 8))
    torch.testing.assert_close(prefixed(tokens), expected)


def test_prefix_tokens_of_zero_take_their_share_of_an_even_attention():
    official, tokens = attention()
    with torch.no_grad():
        official.qkv.weight.zero_()
        official.qkv.bias.copy_(torch.cat([torch.zeros(16), torch.ones(8)]))
        official.proj.weight.copy_(torch.eye(8))
        official.proj.bias.zero_()
    prefixed = PrefixAttention(official, 3)
    with torch.no_grad():
        prefixed.prefix_keys.zero_()
        prefixed.prefix_values.zero_()
    # Six tokens of value 1, three of value 0, all looked at alike.
    torch.testing.assert_close(prefixed(tokens), torch.full_like(tokens, 6 / 9))


def test_prefix_tokens_that_learned_change_the_embedding(encoder, images):
    add_prefix_tokens(encoder)
    before = encoder(images)[0]
    assert (learned(encoder)(images)[0] - before).abs().max() > 1e-2
