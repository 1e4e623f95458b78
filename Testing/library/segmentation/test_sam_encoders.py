"""Claims about `sam_encoders`: an encoder has the weights of its file, with positions fitted to its size."""

import pytest
import torch
from segment_anything import sam_model_registry

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.networks.sam import sam_image_encoder, sam_network
from CardioSAMLib.networks.sam_architectures import ARCHITECTURES, SamArchitecture
from CardioSAMLib.resources import PROMPTABLE, ModelCard, sha256_of
from CardioSAMLib.segmentation import sam_checkpoint
from CardioSAMLib.segmentation.sam_encoders import sam_encoder_of

SMALL = SamArchitecture("vit_b", 32, 2, 2, (1,))
"""Of the name and layout of the published one, but small."""


@pytest.fixture(scope="module")
def official_files(tmp_path_factory):
    """A file of the official names and shapes of each architecture, without values."""
    folder = tmp_path_factory.mktemp("official")
    for architecture in ARCHITECTURES:
        with torch.device("meta"):
            torch.save(sam_model_registry[architecture.id]().state_dict(), folder / f"{architecture.id}.pth")
    return folder


@pytest.fixture
def small_file(tmp_path, monkeypatch):
    """A whole checkpoint of 1024 px with random weights, positions among them."""
    monkeypatch.setattr(sam_checkpoint, "ARCHITECTURES", (SMALL,))
    random = torch.Generator().manual_seed(0)
    weights = {
        name: torch.empty(weight.shape).normal_(0.0, 0.1, generator=random)
        for name, weight in sam_network(SMALL, 1024).state_dict().items()
    }
    torch.save(weights, tmp_path / "small.pth")
    return tmp_path / "small.pth"


@pytest.mark.parametrize("size", [224, 256, 512, 1024])
def test_a_vit_b_file_gives_an_encoder_of_any_size(official_files, size):
    encoder = sam_encoder_of(official_files / "vit_b.pth", size, "sam")
    (embedding,) = encoder(torch.empty(2, 3, 128, 128, device="meta"))
    assert embedding.shape == (2, 256, size // 16, size // 16)
    assert not any(weight.requires_grad for weight in encoder.parameters())


@pytest.mark.parametrize("architecture", ARCHITECTURES[1:], ids=lambda entry: entry.id)
@pytest.mark.parametrize("size", [224, 1024])
def test_the_larger_files_give_encoders_too(official_files, architecture, size):
    encoder = sam_encoder_of(official_files / f"{architecture.id}.pth", size, "medsam")
    assert len(encoder.image_encoder.blocks) == architecture.depth
    assert encoder.image_encoder.pos_embed.shape == (1, size // 16, size // 16, architecture.width)


@pytest.mark.parametrize("size", [224, 512])
def test_at_another_size_it_equals_the_official_encoder_with_interpolated_positions(small_file, size):
    """The package interpolates relative positions itself when it runs; absolute ones are interpolated here."""
    weights = torch.load(small_file, weights_only=True)
    official = sam_image_encoder(SMALL, 1024)
    official.load_state_dict({name[14:]: own for name, own in weights.items() if name.startswith("image_encoder.")})
    absolute = official.pos_embed.permute(0, 3, 1, 2)
    scaled = torch.nn.functional.interpolate(absolute, (size // 16, size // 16), mode="bicubic")
    official.pos_embed = torch.nn.Parameter(scaled.permute(0, 2, 3, 1))

    encoder = sam_encoder_of(small_file, size, "medsam")
    pixels = torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(1))
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    crops = ((pixels - pixels.mean()) / pixels.std()).expand(-1, 3, -1, -1)
    with torch.no_grad():
        expected = official(pixels.expand(-1, 3, -1, -1))
    torch.testing.assert_close(encoder(crops)[0], expected, atol=1e-4, rtol=0)


def test_the_normalization_is_that_of_the_file(small_file):
    weights = torch.load(small_file, weights_only=True)
    torch.save({"model": weights, "normalization": "medsam"}, small_file)
    assert sam_encoder_of(small_file, 224).normalization == "medsam"


def test_a_file_that_does_not_say_its_normalization_is_refused(small_file):
    with pytest.raises(UnusableInput, match="normalization='sam'"):
        sam_encoder_of(small_file, 224)


@pytest.mark.parametrize("size", [208, 230, 1040])
def test_a_size_that_cannot_be_is_refused_before_the_file_is_read(tmp_path, size):
    with pytest.raises(UnusableInput, match="choose 224 to 1024 in steps of 16"):
        sam_encoder_of(tmp_path / "absent.pth", size)


def test_an_entry_of_the_catalogue_is_taken_if_its_file_is_the_one_it_names(small_file):
    def card(sha256):
        return ModelCard(
            "mine", "Mine", "1", "vit_b", (224, 224), 0.8, "sam-slice-v1", small_file.name, sha256, 1, "test", "none",
            {}, kind=PROMPTABLE, folder=small_file.parent,
        )  # fmt: skip

    assert sam_encoder_of(card(sha256_of(small_file)), 256, "sam").size_px == 256
    with pytest.raises(UnusableInput, match="mine is not the one of the catalogue"):
        sam_encoder_of(card("0" * 64), 256, "sam")
