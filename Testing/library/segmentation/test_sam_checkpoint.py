"""Claims about `sam_checkpoint`: official layouts are recognized; what is not one is refused with what to do.

Layouts are written without values (torch's device "meta"): names and shapes are all that is looked at here.
"""

import re

import pytest
import torch
from segment_anything import sam_model_registry

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.networks.sam import sam_network
from CardioSAMLib.networks.sam_architectures import ARCHITECTURES
from CardioSAMLib.segmentation.sam_checkpoint import (
    PUBLISHED,
    SamCheckpoint,
    checkpoint_bytes,
    fitted_weights,
    read_checkpoint,
)
from CardioSAMLib.segmentation.sam_image import NORMALIZATIONS

VIT_B = ARCHITECTURES[0]


def official_layout(architecture_id):
    """Names and shapes of the package's own model, which are those of the published files."""
    with torch.device("meta"):
        return sam_model_registry[architecture_id]().state_dict()


@pytest.fixture(scope="module")
def layout():
    return official_layout("vit_b")


@pytest.fixture
def write(tmp_path):
    def written(content, name="model.pth"):
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return written


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda entry: entry.id)
def test_each_official_layout_is_recognized_and_fits_its_network(architecture, write):
    checkpoint = read_checkpoint(write(official_layout(architecture.id)), "sam")
    assert checkpoint.architecture is architecture
    sam_network(architecture, 1024).load_state_dict(dict(checkpoint.weights), assign=True, strict=True)


def test_the_networks_are_built_also_where_the_builders_have_other_names(monkeypatch, write, layout):
    import segment_anything

    for name in [name for name in vars(segment_anything) if name.startswith(("build_sam", "sam_model_registry"))]:
        monkeypatch.delattr(segment_anything, name)
    assert read_checkpoint(write(layout), "sam").architecture is VIT_B


def test_a_file_without_a_normalization_is_refused_by_saying_how_to_name_it(write, layout):
    with pytest.raises(UnusableInput, match=r"normalization='sam'.*'medsam'"):
        read_checkpoint(write(layout))


def test_a_normalization_that_the_file_says_need_not_be_named(write, layout):
    path = write({"model": layout, "normalization": "medsam"})
    assert read_checkpoint(path).normalization == "medsam"
    assert read_checkpoint(path, "medsam").normalization == "medsam"


@pytest.mark.parametrize(("stored", "asked"), [("medsam", "sam"), ("sam", "medsam")])
def test_weights_of_one_normalization_are_not_fed_with_the_other(write, layout, stored, asked):
    path = write({"model": layout, "normalization": stored})
    with pytest.raises(UnusableInput, match=f"trained with the normalization '{stored}', not '{asked}'"):
        read_checkpoint(path, asked)


def test_a_published_file_is_known_by_its_content(write, layout, monkeypatch):
    monkeypatch.setattr("CardioSAMLib.segmentation.sam_checkpoint.sha256_of", lambda _: PUBLISHED[0].sha256)
    assert read_checkpoint(write(layout)).normalization == "sam"
    with pytest.raises(UnusableInput, match="not 'medsam'"):
        read_checkpoint(write(layout), "medsam")


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda entry: entry.file)
def test_an_entry_of_a_published_file_is_complete(published):
    assert re.fullmatch(r"[0-9a-f]{64}", published.sha256)
    assert published.url == f"https://dl.fbaipublicfiles.com/segment_anything/{published.file}"
    assert published.normalization in NORMALIZATIONS


@pytest.mark.parametrize("asked", ["imagenet", ""])
def test_an_unknown_normalization_is_refused_by_naming_the_known_ones(write, layout, asked):
    with pytest.raises(UnusableInput, match="choose one of: sam, medsam"):
        read_checkpoint(write(layout), asked)


def test_a_stored_normalization_that_is_no_name_is_refused(write, layout):
    with pytest.raises(UnusableInput, match="no normalization 5"):
        read_checkpoint(write({"model": layout, "normalization": 5}))


class Surprise:
    """An object that would run code when it is unpickled."""

    def __reduce__(self):
        return (print, ("this must not be printed",))


def test_objects_in_a_file_are_not_brought_to_life(write, capsys):
    with pytest.raises(UnusableInput, match="could run code"):
        read_checkpoint(write({"model": Surprise()}), "sam")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"PK\x03\x04 half a zip archive"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "model.pth").write_bytes(content)
    with pytest.raises(UnusableInput, match=r"model\.pth cannot be opened"):
        read_checkpoint(tmp_path / "model.pth", "sam")


def test_half_a_file_is_refused(write, layout):
    path = write(layout)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnusableInput, match="damaged"):
        read_checkpoint(path, "sam")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnusableInput, match=r"no file .*absent\.pth"):
        read_checkpoint(tmp_path / "absent.pth", "sam")


@pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3}, {"model": [1]}, torch.zeros(3)])
def test_what_holds_no_state_dict_is_refused(write, content):
    with pytest.raises(UnusableInput, match="holds no state dict"):
        read_checkpoint(write(content), "sam")


def test_a_network_of_another_kind_is_refused(write):
    with pytest.raises(UnusableInput, match="vit_b, vit_l, vit_h"):
        read_checkpoint(write(torch.nn.Linear(3, 4).state_dict()), "sam")


def test_missing_names_are_counted_and_the_first_is_named(write, layout):
    short = {name: weight for name, weight in layout.items() if not name.startswith("mask_decoder.iou_token")}
    with pytest.raises(UnusableInput, match=r"1 names are missing, as mask_decoder\.iou_token\.weight"):
        read_checkpoint(write(short), "sam")


def test_names_too_many_are_refused(write, layout):
    with pytest.raises(UnusableInput, match="do not belong there, as adapter"):
        read_checkpoint(write({**layout, "adapter.weight": torch.zeros(1)}), "sam")


@pytest.mark.parametrize("name", ["image_encoder.blocks.3.attn.qkv.weight", "prompt_encoder.no_mask_embed.weight"])
def test_a_wrong_shape_is_named(write, layout, name):
    with pytest.raises(UnusableInput, match=f"{re.escape(name)} has the shape"):
        read_checkpoint(write({**layout, name: torch.zeros(2, 2)}), "sam")


def test_a_table_of_positions_that_is_not_square_is_refused(write, layout):
    with pytest.raises(UnusableInput, match="not a square table"):
        read_checkpoint(write({**layout, "image_encoder.pos_embed": torch.zeros(1, 64, 32, 768)}), "sam")


def positions_only(grid=64):
    """The tables of positions of a ViT-B, absolute ones rising along rows, relative ones with the distance."""
    weights = {"image_encoder.pos_embed": torch.arange(grid).float()[None, :, None, None].expand(1, grid, grid, 4)}
    for block in range(VIT_B.depth):
        reach = grid - 1 if block in VIT_B.global_blocks else 13
        distances = torch.arange(-reach, reach + 1).float()[:, None].expand(-1, 4)
        for side in ("h", "w"):
            weights[f"image_encoder.blocks.{block}.attn.rel_pos_{side}"] = distances
    return SamCheckpoint(VIT_B, weights, "sam", "")


@pytest.mark.parametrize("size", [224, 256, 512])
def test_absolute_positions_keep_their_place_at_a_smaller_size(size):
    grid = size // 16
    fitted = fitted_weights(positions_only(), size)["image_encoder.pos_embed"]
    assert fitted.shape == (1, grid, grid, 4)
    # Centers of the coarser patches, in units of the finer ones. torch's bicubic kernel (a = -0.75) is off a straight
    # line by up to 0.05; aligned corners would be off by up to 2. At the border neighbors are lacking.
    expected = (torch.arange(grid) + 0.5) * 64 / grid - 0.5
    torch.testing.assert_close(fitted[0, 1:-1, 0, 0], expected[1:-1], atol=0.06, rtol=0)
    torch.testing.assert_close(fitted[0, :, 0], fitted[0, :, -1])


@pytest.mark.parametrize("size", [224, 256, 512])
def test_relative_positions_of_global_blocks_keep_their_distance_and_those_of_windows_stay(size):
    grid = size // 16
    fitted = fitted_weights(positions_only(), size)
    entries = 2 * grid - 1
    for block in range(VIT_B.depth):
        table = fitted[f"image_encoder.blocks.{block}.attn.rel_pos_h"][:, 0]
        if block in VIT_B.global_blocks:
            expected = torch.arange(-(grid - 1), grid) * (127 / entries)
            torch.testing.assert_close(table, expected, atol=1e-3, rtol=0)
        else:
            torch.testing.assert_close(table, torch.arange(-13, 14).float())


def test_at_the_size_of_the_file_nothing_is_interpolated():
    checkpoint = positions_only()
    fitted = fitted_weights(checkpoint, 1024)
    assert all(torch.equal(fitted[name], weight) for name, weight in checkpoint.weights.items())


def test_half_precision_weights_are_computed_with_in_float32():
    halves = {name: weight.half() for name, weight in positions_only().weights.items()}
    fitted = fitted_weights(SamCheckpoint(VIT_B, halves, "sam", ""), 256)
    assert {weight.dtype for weight in fitted.values()} == {torch.float32}


def test_a_checkpoint_that_was_written_says_its_normalization_itself(tmp_path, layout):
    (tmp_path / "tuned.pth").write_bytes(checkpoint_bytes(layout, "medsam"))
    checkpoint = read_checkpoint(tmp_path / "tuned.pth")
    assert checkpoint.normalization == "medsam"
    assert set(checkpoint.weights) == set(layout)


def test_a_checkpoint_with_an_unknown_normalization_is_not_written(layout):
    with pytest.raises(UnusableInput, match="choose one of"):
        checkpoint_bytes(layout, "imagenet")
