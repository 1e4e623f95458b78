"""Claims about the attention between encoder and decoder."""

import math

import pytest
import torch
from torch import nn

from CardioSAMLib.labels import Structure
from CardioSAMLib.networks.csam import MapAttention, StructureAttention, StructureBranch


def by_definition(attention, features, pooled):
    """softmax(Q K^T / sqrt(d)) V, head by head, pixel by pixel."""
    _, inputs, rows, columns = features.shape
    tokens = features[0].reshape(inputs, -1).T
    looked_at = pooled[0].reshape(inputs, -1).T
    query = tokens @ attention.query.weight[:, :, 0, 0].T + attention.query.bias
    key_and_value = looked_at @ attention.key_and_value.weight[:, :, 0, 0].T + attention.key_and_value.bias
    key, value = key_and_value.chunk(2, dim=1)
    width = query.shape[1] // attention.heads
    heads = []
    for head in range(attention.heads):
        at = slice(head * width, (head + 1) * width)
        scores = query[:, at] @ key[:, at].T / math.sqrt(width)
        heads.append(torch.softmax(scores, dim=1) @ value[:, at])
    return torch.cat(heads, dim=1).T.reshape(1, -1, rows, columns)


@pytest.mark.parametrize("heads", [1, 4])
def test_attention_is_that_of_its_definition(heads):
    torch.manual_seed(0)
    attention, features = MapAttention(12, 8, heads), torch.randn(1, 12, 5, 7)
    torch.testing.assert_close(attention(features), by_definition(attention, features, features))


def test_up_to_32_by_32_tokens_each_sees_each_and_above_it_sees_means_of_two_by_two():
    torch.manual_seed(0)
    attention = MapAttention(4, 4, 1)
    small, large = torch.randn(1, 4, 32, 32), torch.randn(1, 4, 32, 34)
    torch.testing.assert_close(attention(small), by_definition(attention, small, small))
    means = large.reshape(1, 4, 16, 2, 17, 2).mean(dim=(3, 5))
    torch.testing.assert_close(attention(large), by_definition(attention, large, means))


def test_a_map_of_odd_size_is_attended_whole():
    attention = MapAttention(4, 4, 1)
    features = torch.zeros(1, 4, 33, 33)
    features[..., -1, -1] = 1.0  # alone in its two by two: a mean over what lies outside would be a quarter
    seen = torch.nn.functional.avg_pool2d(features, 2, ceil_mode=True)
    assert seen[..., -1, -1].eq(1.0).all()
    assert attention(features).shape == features.shape


def test_a_new_module_returns_what_it_is_given():
    embedding = torch.randn(2, 32, 6, 5)
    torch.testing.assert_close(StructureAttention(32)(embedding), embedding, rtol=0, atol=0)


def test_there_is_a_branch_for_every_structure_by_its_name():
    assert set(StructureAttention(16).branches) == {structure.name for structure in Structure}


def test_every_part_learns_once_the_last_layer_has_left_zero():
    torch.manual_seed(0)
    module = StructureAttention(16)
    nn.init.normal_(module.change.weight)
    module(torch.randn(1, 16, 4, 4)).square().sum().backward()
    still = {name for name, weight in module.named_parameters() if not weight.grad.abs().sum() > 0}
    # A softmax does not see what is added to all its logits: the keys' bias, half of this one, has no gradient.
    assert still == set()
    keys = module.branches["LV"].attention.key_and_value.bias.grad[:64]
    assert keys.abs().max() < 1e-4


def test_a_branch_doubles_where_its_place_is_sure_and_keeps_what_lies_elsewhere():
    branch = StructureBranch(8)
    nn.init.zeros_(branch.place.weight)
    seen = []
    branch.attention.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    embedding = torch.randn(1, 8, 3, 3)
    for bias, factor in ((40.0, 2.0), (-40.0, 1.0), (0.0, 1.5)):  # 1 + sigmoid(bias)
        nn.init.constant_(branch.place.bias, bias)
        branch(embedding)
        torch.testing.assert_close(seen[-1], factor * embedding)
