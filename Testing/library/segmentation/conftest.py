"""A network that needs no weights: bright is blood, gray around it is wall."""

import numpy as np
import pytest

from CardioSAMLib.resources import ModelCard


@pytest.fixture
def card():
    return ModelCard(
        id="threshold", title="Threshold", version="1", architecture="none", input_shape_px=(64, 64), spacing_mm=2.0,
        preprocessing="none", file="", sha256="0" * 64, bytes=0, license="", training_data="", accuracy={},
    )  # fmt: skip


@pytest.fixture
def threshold_network():
    """Probabilities by brightness of the middle channel: the upper third of its range is LV, the middle third wall."""

    def network(images):
        middle = images[:, 1]
        low, high = middle.min(axis=(1, 2), keepdims=True), middle.max(axis=(1, 2), keepdims=True)
        level = (middle - low) / np.where(high - low < 1e-3, np.inf, high - low)
        classes = np.where(level > 2 / 3, 3, np.where(level > 1 / 3, 2, 0))
        return np.stack([classes == value for value in range(4)], axis=1).astype(np.float32)

    return network


@pytest.fixture(scope="session")
def sam2_build():
    """The package's own SAM 2.1 tiny for an input size, as its builder makes it, with the weights it starts from."""
    build_sam = pytest.importorskip("sam2.build_sam", reason="the package sam2 is not installed (extra sam2)")

    def built(size_px, video=False):
        build = build_sam.build_sam2_video_predictor if video else build_sam.build_sam2
        return build("configs/sam2.1/sam2.1_hiera_t.yaml", None, "cpu", "eval", [f"++model.image_size={size_px}"])

    return built


@pytest.fixture(scope="session")
def sam2_weights(sam2_build):
    """Random weights of a SAM 2.1 tiny, by name."""
    import torch

    torch.manual_seed(7)
    network = sam2_build(224)
    with torch.no_grad():
        for weight in network.parameters():
            # Many start at zero or one, which would hide whether they are used.
            weight.add_(torch.randn_like(weight) * (0.1 if weight.ndim < 2 else 0.3 * weight[0].numel() ** -0.5))
        # Every frame shows the object: otherwise all answers of the video are one constant.
        network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(9.0)
    return network.state_dict()


@pytest.fixture(scope="session")
def sam2_official(sam2_build, sam2_weights):
    """Makes the package's network with `sam2_weights`."""

    def made(size_px, video=False):
        network = sam2_build(size_px, video)
        network.load_state_dict(sam2_weights)
        return network

    return made


@pytest.fixture(scope="session")
def sam2_checkpoint(sam2_weights, tmp_path_factory):
    """A file as Meta published them, with `sam2_weights`."""
    import torch

    path = tmp_path_factory.mktemp("sam2") / "sam2.1_hiera_tiny.pt"
    torch.save({"model": sam2_weights}, path)
    yield path
    path.unlink()  # 156 MB, and pytest keeps its folders
