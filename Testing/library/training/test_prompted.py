"""Claims about the training of the promptable network and its exported files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.crops import PREPROCESSING_ID
from CardioSAMLib.networks.prompted import FIRST_CORNER, LAST_CORNER, NEGATIVE, PAD, POSITIVE, drawn_prompts
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.resources import PROMPTABLE, find_model, sha256_of
from CardioSAMLib.training import prompted as training_of_prompted
from CardioSAMLib.training.configuration import PromptedConfiguration, configuration_path, read_configuration
from CardioSAMLib.training.dataset import SliceSampler
from CardioSAMLib.training.export_prompted import export_prompted
from CardioSAMLib.training.exported import read_unet
from CardioSAMLib.training.losses import prompted_loss
from CardioSAMLib.training.precision import training_precision
from CardioSAMLib.training.prompt_sampling import (
    PromptOptions,
    corrective_click,
    other_contour,
    random_earlier_mask,
    random_prompts,
)
from CardioSAMLib.training.prompted import PromptedRun, train_prompted

WIDTHS = (4, 6, 8, 8, 8)


@pytest.fixture
def prompted():
    return PromptedConfiguration(
        "small",
        "none",
        "none.json",
        size_px=32,
        slices=2,
        steps=3,
        finishing_steps=1,
        warm_up_steps=1,
        card={"license": "test"},
    )


@pytest.fixture
def unet():
    torch.manual_seed(0)
    return UNet25D(WIDTHS)


def disk(row, column, radius=6.0, size=32):
    rows, columns = np.mgrid[:size, :size]
    return np.hypot(rows - row, columns - column) < radius


@pytest.mark.parametrize("seed", range(40))
def test_prompts_say_what_the_mask_says(seed):
    target, others = disk(12, 18), disk(24, 8, 4.0)
    places, kinds = random_prompts(
        target, others, PromptOptions(jitter_px=0.0, margin_px=0.0), np.random.default_rng(seed)
    )
    pixels = places.astype(int)
    assert target[pixels[kinds == POSITIVE][:, 1], pixels[kinds == POSITIVE][:, 0]].all()
    assert not target[pixels[kinds == NEGATIVE][:, 1], pixels[kinds == NEGATIVE][:, 0]].any()
    corners = places[(kinds == FIRST_CORNER) | (kinds == LAST_CORNER)]
    if len(corners):
        rows, columns = np.flatnonzero(target.any(axis=1)), np.flatnonzero(target.any(axis=0))
        assert corners.tolist() == [[columns[0], rows[0]], [columns[-1], rows[-1]]]
    else:
        assert (kinds == POSITIVE).any()


def test_an_empty_structure_is_asked_for_with_padding_only():
    empty = np.zeros((32, 32), bool)
    _, kinds = random_prompts(empty, empty, PromptOptions(), np.random.default_rng(0))
    assert (kinds == PAD).all()


def test_the_corrective_click_is_in_the_middle_of_the_largest_error():
    wanted = disk(16, 16, 8.0)
    assert corrective_click(wanted, wanted) is None
    assert corrective_click(wanted, np.zeros_like(wanted)) == (16.0, 16.0, POSITIVE)
    row, column, kind = corrective_click(wanted, wanted | disk(5, 26, 4.0))
    assert kind == NEGATIVE
    assert np.hypot(row - 5, column - 26) < 1.5


def test_a_box_has_the_margin_of_a_person_who_draws_loosely():
    target, nothing = disk(16, 16), np.zeros((32, 32), bool)
    options = PromptOptions(box_share=1.0, jitter_px=0.0, margin_px=5.0)
    starts = []
    for seed in range(50):
        places, kinds = random_prompts(target, nothing, options, np.random.default_rng(seed))
        (first,), (last,) = places[kinds == FIRST_CORNER], places[kinds == LAST_CORNER]
        starts.append(first[0])
        assert (11 - first[0]) == pytest.approx(last[0] - 21, abs=1e-4)
        assert 0 <= 11 - first[0] <= 5
    assert np.ptp(starts) > 3


def test_a_contour_that_somebody_else_drew_is_another_one_of_the_same_structure():
    target = disk(32, 32, 14.0, 64)
    others = [other_contour(target, target.astype(np.float32), np.random.default_rng(seed)) for seed in range(30)]
    overlaps = [2 * ((o > 0.5) & target).sum() / ((o > 0.5).sum() + target.sum()) for o in others]
    assert all(o.dtype == np.float32 and o.min() >= 0 and o.max() <= 1 for o in others)
    assert 0.7 < np.mean(overlaps) < 0.95
    assert len({o.tobytes() for o in others}) == len(others)
    tiny = disk(32, 32, 1.5, 64)
    kept = [other_contour(tiny, tiny.astype(np.float32), np.random.default_rng(seed)) for seed in range(30)]
    assert min((o > 0.5).sum() for o in kept) >= min(8, tiny.sum())


def test_points_and_boxes_are_drawn_where_they_are():
    points = torch.tensor([[[10.5, 4.5], [20.5, 28.5], [3.5, 6.5], [12.5, 16.5]]]) / 32.0
    kinds = torch.tensor([[POSITIVE, NEGATIVE, FIRST_CORNER, LAST_CORNER]])
    near_positive, _, near_negative, _, box, has_box = drawn_prompts(points, kinds, 32, 32)[0]
    assert np.unravel_index(int(near_positive.argmax()), (32, 32)) == (4, 10)
    assert np.unravel_index(int(near_negative.argmax()), (32, 32)) == (28, 20)
    assert (box > 0.5).nonzero().amin(0).tolist() == [6, 3]
    assert (box > 0.5).nonzero().amax(0).tolist() == [16, 12]
    assert bool((has_box == 1).all())
    assert not drawn_prompts(points, torch.zeros_like(kinds), 32, 32).any()


def test_an_earlier_mask_resembles_the_structure():
    targets = np.stack([disk(16, 16, 8.0)] * 30)
    masks, given = random_earlier_mask(targets, PromptOptions(earlier_mask_share=1.0), np.random.default_rng(0))
    assert given.all()
    overlaps = [2 * (m[0] > 0)[t].sum() / ((m[0] > 0).sum() + t.sum()) for m, t in zip(masks, targets, strict=True)]
    assert np.mean(overlaps) > 0.7
    assert np.abs(masks).max() <= 10.0


@pytest.mark.parametrize("encoder_share", [0.0, 0.5])
def test_a_stopped_run_goes_on_to_the_same_weights(volumes, prompted, unet, tmp_path, encoder_share):
    prompted = replace(prompted, encoder_share=encoder_share)
    whole = train_prompted(prompted, unet, volumes, tmp_path / "whole")

    def stop(fraction, _message):
        if fraction >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_prompted(prompted, unet, volumes, tmp_path / "parts", stop, save_every=1)
    parts = train_prompted(prompted, unet, volumes, tmp_path / "parts")
    for a, b in zip(whole.average.state_dict().values(), parts.average.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    steps = [json.loads(row)["step"] for row in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))


@pytest.mark.usefixtures("matrix_instructions")
def test_in_half_precision_the_losses_and_the_places_are_full(volumes, prompted, unet, monkeypatch):
    seen, precisions = [], []

    def noted(*given):
        seen.extend(given)
        return prompted_loss(*given)

    monkeypatch.setattr(training_of_prompted, "prompted_loss", noted)
    run = PromptedRun(prompted, unet)
    run.decoder.up1.register_forward_hook(lambda *given: precisions.append(given[-1].dtype))
    run.train_step(volumes, SliceSampler(volumes, prompted.slices, prompted.seed))
    assert set(precisions) == {torch.bfloat16}
    assert {one.dtype for one in seen} == {torch.float32}
    places, cells = torch.rand(1, 3, 2), (9, 11)  # no powers of two, which half precision could hold
    full = (run.decoder._places(places), run.decoder._grid(*cells))
    with training_precision(torch.device("cpu")):
        assert all(map(torch.equal, full, (run.decoder._places(places), run.decoder._grid(*cells))))


def test_only_the_decoder_and_the_necks_learn(volumes, prompted, unet, tmp_path):
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    run = train_prompted(prompted, unet, volumes, tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in run.encoder.unet.state_dict().items())
    first = next(run.decoder.parameters()).detach()
    assert run.step == prompted.steps + prompted.finishing_steps
    assert torch.isfinite(first).all()


def test_the_encoder_learns_along_but_for_its_statistics(volumes, prompted, unet, tmp_path):
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    run = train_prompted(replace(prompted, encoder_share=0.5), unet, volumes, tmp_path)
    for network in (run.encoder.unet, run.finished()[0].unet):
        after = network.state_dict()
        learned = {name for name, value in after.items() if not torch.equal(value, before[name].to(value.dtype))}
        assert {"down.0.0.weight", "down.4.4.weight", "up.0.reduce.weight", "heads.0.weight"} <= learned
    statistics = [name for name in before if "running" in name]
    assert statistics
    assert all(torch.equal(run.encoder.unet.state_dict()[name], before[name]) for name in statistics)


def test_a_checkpoint_of_another_configuration_is_not_continued(volumes, prompted, unet, tmp_path):
    train_prompted(prompted, unet, volumes, tmp_path)
    with pytest.raises(UnusableInput, match="another configuration"):
        train_prompted(replace(prompted, steps=5), unet, volumes, tmp_path)


def test_a_run_that_began_with_other_patients_or_another_encoder_is_not_continued(volumes, prompted, unet, tmp_path):
    train_prompted(prompted, unet, volumes, tmp_path, start="these")
    with pytest.raises(UnusableInput, match="another configuration"):
        train_prompted(prompted, unet, volumes, tmp_path, start="others")


def test_the_exported_files_compute_what_the_network_computes(volumes, prompted, unet, tmp_path):
    import onnxruntime

    run = train_prompted(replace(prompted, steps=2), unet, volumes, tmp_path)
    entry, files = export_prompted(prompted, run, tmp_path)
    assert entry["kind"] == PROMPTABLE
    assert entry["preprocessing"] == PREPROCESSING_ID
    assert (entry["file"], entry["sha256"]) == (files[0].name, sha256_of(files[0]))
    assert (entry["decoder"]["file"], entry["decoder"]["sha256"]) == (files[1].name, sha256_of(files[1]))
    encoder, decoder = run.finished()
    sessions = [onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in files]
    for asked, points, size in ((1, 1, 32), (3, 7, 48)):
        images = torch.randn(asked, 3, size, size)
        with torch.no_grad():
            coarse, fine = encoder(images)
            inputs = {
                "coarse": coarse, "fine": fine, "points": torch.rand(asked, points, 2),
                "kinds": torch.randint(0, 5, (asked, points)), "structure": torch.randint(0, 4, (asked,)),
                "mask": torch.randn(asked, 1, size, size), "has_mask": torch.ones(asked),
            }  # fmt: skip
            logits, quality = decoder(*inputs.values())
        found_coarse, found_fine = sessions[0].run(None, {"images": images.numpy()})
        np.testing.assert_allclose(found_coarse, coarse, atol=1e-4)
        np.testing.assert_allclose(found_fine, fine, atol=1e-4)
        found_logits, found_quality = sessions[1].run(None, {name: value.numpy() for name, value in inputs.items()})
        np.testing.assert_allclose(found_logits, logits, atol=1e-4)
        np.testing.assert_allclose(found_quality, quality, atol=1e-4)


def test_the_shipped_automatic_model_can_be_read_back_as_a_network():
    import onnxruntime

    card = find_model("cardiosam-unet25d")
    network = read_unet(card.path, (16, 48, 96, 160, 192))
    images = torch.randn(1, 3, 64, 64)
    (expected,) = onnxruntime.InferenceSession(str(card.path)).run(None, {"images": images.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(torch.softmax(network(images), dim=1).numpy(), expected, atol=1e-5)
    with pytest.raises(UnusableInput, match="holds no U-Net"):
        read_unet(card.path, (16, 48))


def test_the_shipped_configuration_can_be_read():
    configuration = read_configuration(configuration_path("cardiosam-prompt"))
    assert isinstance(configuration, PromptedConfiguration)
    assert find_model(configuration.encoder)
