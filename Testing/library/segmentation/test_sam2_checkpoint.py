"""Claims about `sam2_checkpoint`, on files of the official names and shapes whose weights are all one zero."""

import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.segmentation.sam2_checkpoint import read_sam2_checkpoint
from CardioSAMLib.segmentation.sam2_network import ARCHITECTURES, sam2_network

build_sam = pytest.importorskip("sam2.build_sam", reason="the package sam2 is not installed (extra sam2)")


def zeros_of(network):
    """Its names and shapes; each weight stores one number, so that the file of the largest model stays small."""
    return {name: torch.zeros(1).expand(weight.shape) for name, weight in network.state_dict().items()}


# The large 2.0 takes seconds to build, and is told from the large 2.1 as the others are.
@pytest.mark.parametrize("architecture", ARCHITECTURES[:-1], ids=lambda architecture: architecture.id)
def test_a_published_model_is_recognized_from_its_names_and_shapes(architecture, tmp_path):
    """Those of the network that the package's own builder makes."""
    official = build_sam.build_sam2(architecture.configuration, None, "cpu")
    path = tmp_path / "weights.pt"
    torch.save({"model": zeros_of(official)}, path)
    assert read_sam2_checkpoint(path).architecture == architecture


def test_a_state_dict_alone_is_a_checkpoint_too(sam2_weights, tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({name: torch.zeros(1).expand(weight.shape) for name, weight in sam2_weights.items()}, path)
    assert read_sam2_checkpoint(path).architecture.id == "sam2.1-tiny"


@pytest.mark.parametrize("stored", [{}, {"model": {}}, {"model": 1}, [1, 2], {"model": {"name": "weight"}}])
def test_a_file_without_weights_is_refused(stored, tmp_path):
    path = tmp_path / "other.pt"
    torch.save(stored, path)
    with pytest.raises(UnusableInput, match=r"other.pt holds no state dict.*SAM 2 or 2.1"):
        read_sam2_checkpoint(path)


def test_weights_of_another_family_are_refused_with_the_names_of_those_that_are_known(tmp_path):
    path = tmp_path / "sam_vit_b.pth"
    torch.save({"image_encoder.patch_embed.proj.weight": torch.zeros(768, 3, 16, 16)}, path)
    with pytest.raises(UnusableInput, match=r"not a SAM 2 model .* sam2.1-tiny, .*sam2-large"):
        read_sam2_checkpoint(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnusableInput, match=r"no file .*absent.pt; give the path .* sam2.1_hiera_tiny.pt"):
        read_sam2_checkpoint(tmp_path / "absent.pt")


def test_a_weight_of_another_shape_is_named(tmp_path):
    network = sam2_network(ARCHITECTURES[0], 1024)
    weights = {**zeros_of(network), "no_mem_embed": torch.zeros(1, 1, 128)}
    path = tmp_path / "odd.pt"
    torch.save({"model": weights}, path)
    with pytest.raises(UnusableInput, match=r"no_mem_embed has the shape \(1, 1, 128\), not \(1, 1, 256\)"):
        read_sam2_checkpoint(path).put_into(network)
