"""Claims about the command from a configuration to a model that is used by name."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import SimpleITK as sitk
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.evaluation_run.patients import split_of_model
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.model_store import add_models
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.resources import find_model, resources_dir, sha256_of
from CardioSAMLib.segmentation import segmenter_of
from CardioSAMLib.training_run.run import TrainingOptions, train_model

SHORT = """
name = "short"
grid_mm = 4.0
size_px = 32
batch = 2
steps = 4
validate_every = 2
{views}
[phantom]
training = 1
validation = 1
[optimizer]
warm_up_steps = 1
encoder_rate = 1e-3
[network]
{network}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of `cardiosam train phantom`."""
    out = tmp_path_factory.mktemp("phantom")
    command = [sys.executable, "-m", "CardioSAMLib.cli", "train", "phantom", "--out", str(out), "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Mean Dice on the validation patients" in done.stdout
    return out


def test_training_on_the_phantom_improves_its_dice(trained):
    rows = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["dice"] > 0.8
    assert rows[-1]["dice"] > rows[0]["dice"] + 0.1


def test_the_record_says_what_was_done(trained):
    record = json.loads((trained / "record.json").read_text())
    history = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert record["history"] == history
    assert record["kept"] == history[-1]
    assert record["best_step"] == max(history, key=lambda row: row["dice"])["step"]
    assert record["configuration"]["name"] == "phantom"
    assert record["versions"]["torch"] == torch.__version__.split("+")[0]
    assert record["seconds"] > 0
    assert record["begun_with"] is None
    assert len(record["patients"]["train"]) == 6
    assert record["export_difference"] < 1e-3
    assert list((trained / "tensorboard").iterdir())


def test_the_trained_model_draws_a_heart_it_has_not_seen_by_its_name(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("CARDIOSAM_MODELS", str(tmp_path))
    add_models(trained)
    card = find_model("phantom")
    assert card.sha256 == sha256_of(trained / "phantom.onnx")
    heart = make_phantom(
        PhantomOptions(rows=112, columns=112, slices=7, frames=2, spacing_mm=(1.8, 1.8, 13.0), seed=99)
    )
    drawn = segmenter_of(card).segment(heart.cine, [0]).labels[0]
    value = STORAGE.value_of(Structure.LV)
    assert dice(drawn == value, heart.segmentation.labels[0] == value) > 0.7


@pytest.mark.parametrize(
    ("network", "views"),
    [
        ('kind = "cardiosam"\nwidths = [16, 8, 8, 8]\nnormalization = "sam"\n[loss]', "views = 2"),
        ('kind = "linear"\nencoder = "cardiosam-unet25d"', "views = 2"),
        ('kind = "linear"\nencoder = "cardiosam-small"', "views = 2"),
        ('kind = "sam-lora"\nnormalization = "sam"', ""),
    ],
)
def test_decoders_are_trained_on_encoders_that_stay_as_they_are(network, views, small_sam, tmp_path):
    (tmp_path / "short.toml").write_text(SHORT.format(network=network, views=views))
    checkpoint = small_sam if "normalization" in network else None
    options = TrainingOptions(str(tmp_path / "short.toml"), tmp_path / "out", None, checkpoint, "cpu")
    trained = train_model(options)
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    name = "small" if checkpoint else "cardiosam-small" if "cardiosam-small" in network else "cardiosam-unet25d"
    assert record["encoder"]["name"] == name
    assert record["encoder"]["sha256"] == sha256_of(checkpoint or find_model(name).path)
    assert 0 < record["parameters_that_learn"] < record["parameters"]
    assert record["export_difference"] < 1e-2
    assert trained.files == (tmp_path / "out" / "short.onnx",)
    assert not list((tmp_path / "out").glob("features/*.embedding"))
    learned = torch.load(tmp_path / "out" / "weights.pt", weights_only=True)["network"]
    assert not any(name.endswith("qkv.weight") for name in learned)


def test_a_training_goes_on_from_the_weights_of_an_earlier_one(tmp_path):
    network = 'kind = "unet25d"\nwidths = [4, 6]'
    for name, steps in (("first", 4), ("second", 1)):
        text = SHORT.format(network=network, views="").replace("steps = 4", f"steps = {steps}")
        (tmp_path / f"{name}.toml").write_text(text.replace("warm_up", "learning_rate = 1e-12\nwarm_up"))
    train_model(TrainingOptions(str(tmp_path / "first.toml"), tmp_path / "first", device="cpu"))
    begun = TrainingOptions(
        str(tmp_path / "second.toml"), tmp_path / "second", None, tmp_path / "first/weights.pt", "cpu"
    )
    train_model(begun)
    before, after = (
        torch.load(tmp_path / name / "weights.pt", weights_only=True)["network"] for name in ("first", "second")
    )
    for name, weight in before.items():
        if name.endswith("0.weight"):
            torch.testing.assert_close(after[name], weight, rtol=1e-4, atol=1e-6)
    with pytest.raises(UnusableInput, match="another"):
        train_model(replace(begun, checkpoint=None))


@pytest.mark.parametrize("kind", ["unet25d", "stack-unet"])
def test_a_training_goes_on_from_the_model_file_of_an_earlier_one(kind, tmp_path):
    for name, stacks in (("first", ""), ("second", "\n[stacks]\nstacks = 1\n")):
        network = f'kind = "{kind if stacks else "unet25d"}"\nwidths = [4, 6, 12, 18, 24]'
        (tmp_path / f"{name}.toml").write_text(SHORT.format(network=network, views="") + stacks)
    train_model(TrainingOptions(str(tmp_path / "first.toml"), tmp_path / "first", device="cpu"))
    file = tmp_path / "first" / "short.onnx"
    train_model(TrainingOptions(str(tmp_path / "second.toml"), tmp_path / "second", None, file, "cpu"))
    record = json.loads((tmp_path / "second" / "record.json").read_text())
    assert record["begun_with"] == sha256_of(file)
    (tmp_path / "third.toml").write_text(SHORT.format(network='kind = "unet25d"\nwidths = [4, 6]', views=""))
    with pytest.raises(UnusableInput, match=r"holds no U-Net of the widths \(4, 6\)"):
        train_model(TrainingOptions(str(tmp_path / "third.toml"), tmp_path / "third", None, file, "cpu"))


def test_a_fold_is_trained_on_its_patients_under_a_name_of_its_own(tmp_path, monkeypatch):
    asked = {}

    def trained_with(configuration, split, *_rest):
        asked.update(name=configuration.name, split=split)

    monkeypatch.setattr("CardioSAMLib.training_run.run.train_automatic", trained_with)
    train_model(TrainingOptions("cardiosam-unet25d", tmp_path, fold=2))
    folds = json.loads((resources_dir() / "splits" / "acdc_cv5.json").read_text())["folds"]
    assert asked["name"] == "cardiosam-unet25d-fold2"
    assert asked["split"].validation == tuple(folds[1])
    assert set(asked["split"].train) == {name for fold in folds for name in fold} - set(folds[1])


def test_a_run_is_not_continued_with_corrected_contours(folder, tmp_path):
    """Else the old model would come back as if it had learned from them."""
    data = tmp_path / "data"
    shutil.copytree(folder / "data", data)
    options = TrainingOptions(str(folder / "short.toml"), tmp_path / "out", data, device="cpu")
    train_model(options)
    contours = str(data / "patient001" / "patient001_frame01_gt.nii.gz")
    image = sitk.ReadImage(contours)
    sitk.WriteImage(sitk.Mask(image, image != 3), contours)
    with pytest.raises(UnusableInput, match="on other images or contours"):
        train_model(options)


def test_memory_that_runs_out_is_said_in_a_sentence(tmp_path, monkeypatch):
    def full(*_given):
        message = "CUDA out of memory. Tried to allocate 2 GiB"
        raise RuntimeError(message)

    monkeypatch.setattr("CardioSAMLib.training.loop.TrainingRun.train_step", full)
    (tmp_path / "short.toml").write_text(SHORT.format(network='kind = "unet25d"\nwidths = [4, 6]', views=""))
    with pytest.raises(UnusableInput, match=r"memory of the device is not enough; give a smaller batch"):
        train_model(TrainingOptions(str(tmp_path / "short.toml"), tmp_path / "out", device="cpu"))


def test_a_network_that_normalizes_over_slices_must_see_two_at_once(tmp_path):
    text = SHORT.format(network='kind = "deeplabv3-r50"', views="").replace("batch = 2", "batch = 1")
    (tmp_path / "short.toml").write_text(text)
    with pytest.raises(UnusableInput, match="must see 2 slices at once in each process; give a batch of 2 or more"):
        train_model(TrainingOptions(str(tmp_path / "short.toml"), tmp_path / "out", device="cpu"))


def test_a_damaged_model_file_to_begin_with_is_told(tmp_path):
    (tmp_path / "short.toml").write_text(SHORT.format(network='kind = "unet25d"\nwidths = [4, 6]', views=""))
    (tmp_path / "damaged.onnx").write_bytes(b"no model")
    with pytest.raises(UnusableInput, match=r"damaged\.onnx is no ONNX file, or a damaged one"):
        train_model(
            TrainingOptions(str(tmp_path / "short.toml"), tmp_path / "out", None, tmp_path / "damaged.onnx", "cpu")
        )


def test_a_promptable_model_on_an_encoder_of_other_depth_is_refused(tmp_path, monkeypatch):
    shallow = replace(find_model("cardiosam-unet25d"), architecture="UNet25D 16-32-64-96")
    monkeypatch.setattr("CardioSAMLib.training_run.run.find_model", lambda _name: shallow)
    with pytest.raises(UnusableInput, match="has 4 levels, and a promptable model needs an encoder of 5"):
        train_model(TrainingOptions("cardiosam-prompt", tmp_path / "out", tmp_path, device="cpu"))


def test_a_split_without_patients_to_validate_on_is_refused(tmp_path):
    (tmp_path / "split.json").write_text(json.dumps({"train": ["patient001"], "validation": []}))
    text = SHORT.format(network='kind = "unet25d"\nwidths = [4, 6]', views="")
    text = 'split = "split.json"\n' + text.replace("[phantom]\ntraining = 1\nvalidation = 1\n", "")
    (tmp_path / "short.toml").write_text(text)
    with pytest.raises(UnusableInput, match="none to validate on"):
        train_model(TrainingOptions(str(tmp_path / "short.toml"), tmp_path / "out", tmp_path, device="cpu"))


@pytest.mark.parametrize("begun_with", ["encoder", "weights", "model file"])
def test_patients_that_the_first_weights_have_seen_are_not_validated_on(begun_with, tmp_path):
    shipped = find_model("cardiosam-unet25d")
    seen = split_of_model(shipped).train[0]
    (tmp_path / "split.json").write_text(json.dumps({"train": ["patient999"], "validation": [seen]}))
    network = (
        'kind = "linear"\nencoder = "cardiosam-unet25d"'
        if begun_with == "encoder"
        else 'kind = "unet25d"\nwidths = [4, 6]'
    )
    text = SHORT.format(network=network, views="").replace("[phantom]\ntraining = 1\nvalidation = 1\n", "")
    (tmp_path / "short.toml").write_text('split = "split.json"\n' + text)
    torch.save({"patients": [seen]}, tmp_path / "weights.pt")
    checkpoint = {"encoder": None, "weights": tmp_path / "weights.pt", "model file": shipped.path}[begun_with]
    with pytest.raises(UnusableInput, match=rf"trained on 1 of the validation patients, such as {seen}"):
        train_model(TrainingOptions(str(tmp_path / "short.toml"), tmp_path / "out", tmp_path, checkpoint, "cpu"))


@pytest.mark.parametrize("content", ["nothing", "other widths"])
def test_weights_of_another_network_are_refused(content, tmp_path):
    (tmp_path / "short.toml").write_text(SHORT.format(network='kind = "unet25d"\nwidths = [4, 6]', views=""))
    stored = {"kind": "unet25d", "options": {"widths": [4, 8]}, "network": UNet25D((4, 8)).state_dict()}
    torch.save(stored if content == "other widths" else {}, tmp_path / "weights.pt")
    with pytest.raises(UnusableInput, match=r"holds no weights of a unet25d"):
        train_model(
            TrainingOptions(str(tmp_path / "short.toml"), tmp_path / "out", None, tmp_path / "weights.pt", "cpu")
        )
    assert not (tmp_path / "out" / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"configuration": "cardiosam-unet25d"}, "give their folder with --data"),
        ({"configuration": "cardiosam-prompt"}, "give their folder with --data"),
        ({"configuration": "sam-lora"}, "give a SAM or MedSAM file with --checkpoint"),
        ({"configuration": "no-such"}, "no configuration no-such"),
        ({"configuration": "cardiosam-unet25d", "fold": 6}, "acdc_cv5.json has 5 folds"),
        ({"configuration": "cardiosam-prompt", "fold": 1}, "leave out the fold"),
        ({"configuration": "cardiosam-prompt", "device": "cuda"}, "leave out the device"),
        ({"configuration": "phantom", "fold": 1}, "made-up hearts, which have no folds"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_written(options, says, tmp_path):
    with pytest.raises(UnusableInput, match=says):
        train_model(TrainingOptions(**{"device": "cpu", **options}, out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_network_too_large_for_a_model_file_is_told_before_it_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr("CardioSAMLib.training.export.LARGEST_FILE_BYTES", 1000)
    (tmp_path / "short.toml").write_text(SHORT.format(network='kind = "unet25d"\nwidths = [4, 6]', views=""))
    with pytest.raises(UnusableInput, match=r"GB of weights.*give a smaller encoder"):
        train_model(TrainingOptions(str(tmp_path / "short.toml"), tmp_path / "out", device="cpu"))


def test_a_module_run_as_a_command_is_the_command():
    """As `accelerate launch -m CardioSAMLib.cli` runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "CardioSAMLib.cli", "--version"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert done.stdout.startswith("cardiosam ")
