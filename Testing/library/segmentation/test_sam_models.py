"""Claims about `sam_models`, on a ViT-B file of the official names and shapes with random weights."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor, sam_model_registry

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import write_nifti
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.prompts import BoxPrompt, PointPrompt, SlicePrompts, StructurePrompts
from CardioSAMLib.segmentation import EmbeddingCache, Prompter, heart_box_of, load_sam
from CardioSAMLib.segmentation.model_image import native_logits

PAGE = Path(__file__).resolve().parents[3] / "docs" / "promptable.md"
SHAPE = (150, 181)
PIXEL_MM = (1.4, 1.4)


@pytest.fixture(scope="module")
def official():
    torch.manual_seed(5)
    sam = sam_model_registry["vit_b"]()
    with torch.no_grad():
        for name, weight in sam.named_parameters():
            # The package starts positions at zero, which would hide how they are interpolated.
            if "pos" in name:
                weight.normal_(0.0, 0.2)
    return sam


@pytest.fixture(scope="module")
def checkpoint(official, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "sam_vit_b_01ec64.pth"
    torch.save(official.state_dict(), path)
    yield path
    path.unlink()  # 375 MB, and pytest keeps its folders


@pytest.fixture(scope="module")
def small(checkpoint):
    return load_sam(checkpoint, "sam", 224, device="cpu")


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=96, columns=96, slices=4, frames=2, spacing_mm=(2.0, 2.0, 20.0)))


@pytest.fixture
def working_folder(tmp_path, monkeypatch):
    """The current folder during a test; removed afterward, as checkpoints are large and pytest keeps its folders."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARDIOSAM_CACHE", str(tmp_path / "cache"))
    yield tmp_path
    monkeypatch.undo()
    shutil.rmtree(tmp_path)


@pytest.fixture
def all_cores():
    threads = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(threads)


def gray_slice():
    gray = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
    gray[0, :2] = 0, 255
    return gray


def image_by(model, gray):
    return model.image_of(np.stack([gray] * 3).astype(np.float32), None, PIXEL_MM)


def shown(points=(), box=None, mask=None):
    return StructurePrompts(Structure.LV, tuple(PointPrompt(*point) for point in points), box, mask)


@pytest.mark.usefixtures("all_cores")
def test_at_1024_everything_equals_the_official_predictor(official, checkpoint):
    """Embedding, logits on the slice and on the coarse grid, and quality, for each kind of prompt; one slow test."""
    model, gray = load_sam(checkpoint, "sam", device="cpu"), gray_slice()
    image = image_by(model, gray)
    embedding = model.encode(image)
    predictor = SamPredictor(official)
    predictor.set_image(np.stack([gray] * 3, axis=-1))
    np.testing.assert_allclose(embedding["image_embedding"], predictor.features[0].numpy(), atol=1e-4)

    earlier = np.random.default_rng(1).normal(0.0, 4.0, (256, 256)).astype(np.float32)
    box, box_xyxy = BoxPrompt(30, 40, 80, 90), np.array([40, 30, 90, 80])
    points, points_xy, signs = [(50, 60, True), (10, 20, False)], np.array([[60, 50], [20, 10]]), np.array([1, 0])
    cases = [
        (shown(points), {"point_coords": points_xy, "point_labels": signs}),
        (shown(box=box), {"box": box_xyxy}),
        (shown(points, box), {"point_coords": points_xy, "point_labels": signs, "box": box_xyxy}),
        (shown(points, mask=earlier), {"point_coords": points_xy, "point_labels": signs, "mask_input": earlier[None]}),
    ]
    answers = []
    for ours, theirs in cases:
        answer = model.decode(embedding, image, ours)
        logits, quality, coarse = predictor.predict(**theirs, multimask_output=False, return_logits=True)
        np.testing.assert_allclose(native_logits(answer.logits, image, SHAPE), logits[0], atol=1e-4)
        np.testing.assert_allclose(answer.low_resolution_logits, coarse[0], atol=1e-4)
        assert answer.predicted_iou == pytest.approx(float(quality[0]), abs=1e-4)
        answers.append(logits[0])
    # Random weights answer, too: the prompts move the logits by much more than the tolerance.
    assert min(np.abs(one - answers[0]).max() for one in answers[1:]) > 1e-2


@pytest.mark.parametrize("size", [224, 256])
def test_at_smaller_sizes_the_encoder_equals_the_official_one_with_interpolated_positions(official, checkpoint, size):
    """The package interpolates relative positions itself when it runs; absolute ones are interpolated here."""
    model = load_sam(checkpoint, "sam", size, device="cpu")
    image = image_by(model, gray_slice())
    encoder = official.image_encoder
    absolute = encoder.pos_embed
    grid = (size // 16, size // 16)
    scaled = torch.nn.functional.interpolate(absolute.permute(0, 3, 1, 2), grid, mode="bicubic").permute(0, 2, 3, 1)
    with torch.no_grad():
        encoder.pos_embed = torch.nn.Parameter(scaled)
        expected = encoder(torch.from_numpy(image.pixels)[None])[0].numpy()
        encoder.pos_embed = absolute
    embedding = model.encode(image)["image_embedding"]
    assert embedding.shape == (256, *grid)
    np.testing.assert_allclose(embedding, expected, atol=1e-4)


@pytest.mark.parametrize("size", [224, 256, 512, 1024])
def test_the_decoder_answers_at_every_size(checkpoint, size):
    model = load_sam(checkpoint, "sam", size, device="cpu")
    embedding = {"image_embedding": np.random.default_rng(2).normal(size=(256, size // 16, size // 16))}
    embedding = {name: array.astype(np.float32) for name, array in embedding.items()}
    answer = model.decode(embedding, image_by(model, gray_slice()), shown([(50, 60, True)]))
    assert answer.logits.shape == (size, size)
    assert answer.logits.dtype == np.float32
    assert answer.low_resolution_logits.shape == (size // 4, size // 4)


def test_a_prompt_without_a_box_gets_the_padding_point_and_one_with_a_box_does_not(small):
    """Both tell the encoder of two things; SAM's tokens for them differ, so the same corner twice answers otherwise."""
    taken = []
    prompt_encoder = small.network["prompt_encoder"]
    handle = prompt_encoder.register_forward_hook(lambda _module, _given, made: taken.append(made[0]))
    image = image_by(small, gray_slice())
    embedding = {"image_embedding": np.zeros((256, 14, 14), np.float32)}
    for prompts in (shown([(50, 60, True)]), shown([(50, 60, True)], BoxPrompt(30, 40, 80, 90))):
        small.decode(embedding, image, prompts)
    handle.remove()
    points_alone, with_box = (tokens[0] for tokens in taken)
    assert len(points_alone) == 2  # the point, and the padding
    assert len(with_box) == 3  # the point, and two corners
    torch.testing.assert_close(points_alone[1], prompt_encoder.not_a_point_embed.weight[0])


def test_a_mask_alone_is_a_prompt(small):
    mask = np.zeros(SHAPE, bool)
    mask[40:80, 60:110] = True
    image = image_by(small, gray_slice())
    embedding = {"image_embedding": np.zeros((256, 14, 14), np.float32)}
    one = small.decode(embedding, image, shown(mask=mask)).logits
    other = small.decode(embedding, image, shown(mask=~mask)).logits
    assert np.abs(one - other).max() > 1e-3


def test_logits_that_follow_points_are_those_of_the_same_points_as_prompts_and_have_a_gradient(small):
    image = image_by(small, gray_slice())
    embedding = small.encode(image)
    prompts = shown([(50, 60, True), (10, 20, False)])
    edge, step = [image.crop.coordinates_px(axis)[0] for axis in (0, 1)], image.crop.step_px
    shares = [
        [((native - edge[axis]) / step[axis] + 0.5) / 224 for axis, native in ((1, column), (0, row))]
        for row, column in ((50, 60), (10, 20))
    ]
    points = torch.tensor(shares, dtype=torch.float32, requires_grad=True)
    logits = small.point_logits(embedding, image)(points, torch.tensor([True, False]))
    expected = small.decode(embedding, image, prompts).low_resolution_logits
    np.testing.assert_allclose(logits.detach().numpy(), expected, atol=1e-4)
    (gradient,) = torch.autograd.grad(logits.mean(), [points])
    assert gradient.abs().min() > 0


def test_the_model_names_itself_for_caches_and_users(small, checkpoint):
    medsam = load_sam(checkpoint, "medsam", 256, device="cpu")
    assert (small.id, medsam.id) == ("sam-vit_b-224", "medsam-vit_b-256")
    assert small.preprocessing != medsam.preprocessing
    assert small.sha256 == medsam.sha256
    assert small.device_title.startswith("CPU")
    assert small.precision == "float32"


def test_it_looks_at_the_slice_and_not_at_its_neighbors(small):
    planes = np.stack([gray_slice(), gray_slice().T.reshape(SHAPE), gray_slice()]).astype(np.float32)
    others = planes[[2, 1, 1]]
    one, other = (small.image_of(stack, None, PIXEL_MM).pixels for stack in (planes, others))
    np.testing.assert_array_equal(one, other)


def test_memory_that_runs_out_on_the_cpu_says_what_to_do_and_leaves_the_model_usable(checkpoint):
    model = load_sam(checkpoint, "sam", 224, device="cpu")
    encoder = model.network["image_encoder"]

    def full(_module, _given):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes")

    handle = encoder.register_forward_pre_hook(full)
    with pytest.raises(UnusableInput, match="smaller input size"):
        model.encode(image_by(model, gray_slice()))
    handle.remove()
    assert model.encode(image_by(model, gray_slice()))["image_embedding"].shape == (256, 14, 14)


@pytest.mark.parametrize("size", [0, 208, 230, 1040, 512.0])
def test_an_input_size_that_cannot_be_is_refused_before_the_file_is_read(tmp_path, size):
    with pytest.raises(UnusableInput, match="choose 224 to 1024 in steps of 16"):
        load_sam(tmp_path / "absent.pth", "sam", size)


def test_a_device_that_is_not_there_is_refused_before_the_file_is_read(tmp_path):
    with pytest.raises(UnusableInput, match="no device 'abacus'"):
        load_sam(tmp_path / "absent.pth", "sam", device="abacus")


def test_the_second_click_on_a_slice_does_not_run_the_encoder(small, phantom, tmp_path):
    runs = []
    handle = small.network["image_encoder"].register_forward_hook(lambda *_: runs.append(1))
    prompter = Prompter(small, EmbeddingCache(tmp_path))
    region = heart_box_of(phantom.segmentation.labels, phantom.cine.geometry.spacing_mm[:2])
    for point in ((48.0, 48.0, True), (50.0, 46.0, True)):
        prompts = SlicePrompts(0, 2, (shown([point]),))
        prediction = prompter.predict(phantom.cine, prompts, region)
    handle.remove()
    assert len(runs) == 1
    assert prediction.labels.shape == (96, 96)
    assert set(np.unique(prediction.labels)) <= {0, STORAGE.value_of(Structure.LV)}


def test_the_examples_of_the_documentation_run_as_they_are_printed(checkpoint, phantom, working_folder):
    (working_folder / "study").mkdir()
    write_nifti(phantom.cine, working_folder / "study" / "cine.nii.gz")
    (working_folder / checkpoint.name).hardlink_to(checkpoint)
    page, _sam2 = PAGE.read_text(encoding="utf-8").split("\n## SAM 2\n")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) == 6
    names = {"segmentation": phantom.segmentation, "region": None}
    exec(blocks[0], names)
    lv = names["prediction"].labels == STORAGE.value_of(Structure.LV)
    reference = phantom.segmentation.labels[0, 2] == STORAGE.value_of(Structure.LV)
    assert 2 * (lv & reference).sum() > 0.5 * (lv.sum() + reference.sum())
    exec(blocks[1], names)
    assert names["labels"][0, 2, 48, 30] == STORAGE.value_of(Structure.RV)
    exec(blocks[2], names)
    assert names["refined"].labels.shape == phantom.cine.pixels.shape
    exec(blocks[3], names)
    first = names["prediction"]
    assert first.labels.shape == phantom.cine.pixels.shape[2:]
    exec(blocks[4], names)
    assert names["prediction"] is not first
    exec(blocks[5], names)
    assert names["model"].id == "sam-vit_b-256"
