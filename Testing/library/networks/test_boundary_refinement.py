"""Claims about the boundary refinement."""

import pytest
import torch

from CardioSAMLib.networks.boundary_refinement import BoundaryRefinement, EdgeStrength


def test_a_ramp_has_its_slope_as_edge_strength():
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), indexing="ij")
    ramps = torch.stack([3.0 * columns, 3.0 * rows + 4.0 * columns])[None]
    strength = EdgeStrength(2)(ramps)
    # 3 per column; (3, 4) has the length 5.
    assert strength[0, 0, 1:-1, 1:-1].flatten().tolist() == pytest.approx([3.0] * 20, abs=1e-5)
    assert strength[0, 1, 1:-1, 1:-1].flatten().tolist() == pytest.approx([5.0] * 20, abs=1e-5)


def test_a_step_of_one_has_half_its_height_on_either_side():
    step = torch.zeros(1, 1, 4, 6)
    step[..., 3:] = 1.0
    # (1 + 2 + 1) / 8 beside the step, also in the first and last row: the border goes on outside.
    expected = [0.001, 0.001, 0.5, 0.5, 0.001, 0.001]
    for row in EdgeStrength(1)(step)[0, 0]:
        assert row.tolist() == pytest.approx(expected, abs=1e-5)


def test_a_constant_map_has_no_edge_at_the_border_and_a_finite_slope():
    flat = torch.full((1, 1, 4, 4), 7.0, requires_grad=True)
    strength = EdgeStrength(1)(flat)
    assert strength.max().item() == pytest.approx(0.001, abs=1e-5)  # sqrt(1e-6)
    strength.sum().backward()
    assert torch.isfinite(flat.grad).all()


def test_the_operator_is_fixed_and_not_saved():
    module = BoundaryRefinement(4)
    assert not any("sobel" in name for name, _ in module.named_parameters())
    assert not any("sobel" in name for name in module.state_dict())


def test_features_keep_their_shape_and_the_boundary_has_one_channel():
    module = BoundaryRefinement(8)
    features, boundary = module(torch.randn(2, 8, 10, 12))
    assert features.shape == (2, 8, 10, 12)
    assert boundary.shape == (2, 1, 10, 12)


def test_the_boundary_map_reaches_the_features():
    torch.manual_seed(0)
    module = BoundaryRefinement(4)
    given = torch.randn(1, 4, 8, 8)
    before, _ = module(given)
    torch.nn.init.constant_(module.boundary[2].bias, 5.0)
    after, _ = module(given)
    assert (before - after).abs().max() > 1e-3


def test_features_stay_as_they_are_where_there_is_nothing_to_refine():
    module, given = BoundaryRefinement(4), torch.randn(1, 4, 8, 8)
    for weight in module.refine.parameters():
        torch.nn.init.zeros_(weight)
    features, _ = module(given)
    assert torch.equal(features, given)
