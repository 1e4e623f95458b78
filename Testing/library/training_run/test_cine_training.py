"""Claims about the command for the temporal module: from a training of single frames to one on cines."""

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.resources import find_model, sha256_of
from CardioSAMLib.training_run.run import TrainingOptions, train_model

COMMON = """
grid_mm = 4.0
size_px = 32
views = 2
validate_every = 2
[optimizer]
learning_rate = 1e-3
warm_up_steps = 1
ema_decay = 0.0
[loss]
[network]
encoder = "cardiosam-unet25d"
widths = [16, 8, 8, 8]
"""
SINGLE = (
    'name = "single"\nsteps = 4\nbatch = 4\n' + COMMON + 'kind = "cardiosam"\n[phantom]\ntraining = 1\nvalidation = 1\n'
)
CINES = (
    'name = "cines"\nsteps = 5\nsplit = "split.json"\nbegins_with = "single"\n'
    + COMMON
    + 'kind = "cardiosam-temporal"\n[cines]\ncycles = 1\nteacher_frames = 2\n'
)
# Not of the patients that the encoder of the catalogue has seen.
TRAINS, VALIDATES = "patient901", "patient902"
FRAMES = 6


def write_patient(folder, seed):
    """A beating phantom as ACDC keeps one of whom all frames are there."""
    options = PhantomOptions(rows=48, columns=48, slices=3, frames=FRAMES, spacing_mm=(4.0, 4.0, 20.0), seed=seed)
    phantom = make_phantom(options)
    lv_voxels = (phantom.segmentation.labels == 3).sum(axis=(1, 2, 3))
    ed, es = int(lv_voxels.argmax()), int(lv_voxels.argmin())
    folder.mkdir(parents=True)
    volumes = [sitk.GetImageFromArray(np.asarray(volume, np.float32)) for volume in phantom.cine.pixels]
    for volume in volumes:
        volume.SetSpacing((4.0, 4.0, 20.0))
    sitk.WriteImage(sitk.JoinSeries(volumes, 0.0, 1.0), str(folder / f"{folder.name}_4d.nii.gz"))
    for phase, frame in (("ED", ed), ("ES", es)):
        labels = sitk.GetImageFromArray(phantom.segmentation.labels[frame])
        labels.CopyInformation(volumes[0])
        sitk.WriteImage(labels, str(folder / f"{folder.name}_{phase}_gt.nii.gz"))
    (folder / "Info.cfg").write_text(f"ED: {ed + 1}\nES: {es + 1}\nGroup: NOR\nNbFrame: {FRAMES}\n")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Two patients, both configurations, and a finished training of single frames."""
    folder = tmp_path_factory.mktemp("prepared")
    for seed, name in enumerate((TRAINS, VALIDATES)):
        write_patient(folder / "data" / name, seed)
    (folder / "split.json").write_text(json.dumps({"train": [TRAINS], "validation": [VALIDATES]}))
    (folder / "single.toml").write_text(SINGLE)
    (folder / "cines.toml").write_text(CINES)
    with pytest.MonkeyPatch.context() as patch:
        # Seconds long, and nothing of it is used here.
        patch.setattr("CardioSAMLib.training.export.export_onnx", lambda _network, path, _size: path.write_bytes(b"-"))
        patch.setattr("CardioSAMLib.training.export.largest_difference", lambda *_: 0.0)
        train_model(TrainingOptions(str(folder / "single.toml"), folder / "single", device="cpu"))
    return folder


@pytest.fixture
def options(prepared):
    def made(out, weights="single/weights.pt", configuration="cines.toml"):
        return TrainingOptions(str(prepared / configuration), out, prepared / "data", prepared / weights, "cpu")

    return made


@pytest.fixture(scope="module")
def trained(prepared, tmp_path_factory):
    """The folder of an unbroken training, and what the command was told of it."""
    out = tmp_path_factory.mktemp("cines")
    options = TrainingOptions(
        str(prepared / "cines.toml"), out, prepared / "data", prepared / "single" / "weights.pt", "cpu"
    )
    return out, train_model(options)


def network_of(folder):
    return torch.load(folder / "weights.pt", weights_only=True)


def test_weights_and_a_record_come_of_it_and_no_model_file(trained):
    out, told = trained
    assert told.files == (out / "weights.pt",)
    assert not list(out.glob("*.onnx"))
    assert not (out / "models.json").exists()
    assert not list(out.glob("features/*.embedding"))
    assert list((out / "tensorboard").iterdir())


def test_the_record_says_with_what_it_began_and_beside_what_it_is_watched(trained, prepared):
    out, told = trained
    record = json.loads((out / "record.json").read_text())
    assert record["begun_with"] == sha256_of(prepared / "single" / "weights.pt")
    assert record["encoder"]["sha256"] == find_model("cardiosam-unet25d").sha256
    assert record["patients"] == {"train": [TRAINS], "validation": [VALIDATES]}
    assert record["export_difference"] is None
    assert [row["step"] for row in record["history"]] == [2, 4, 5]
    assert record["kept"]["dice"] == told.dice
    for key in ("dice", "dice_1", "dice_2", "dice_3", "lv_second_difference_ml"):
        assert record["kept"][key] >= 0
        assert len({row[f"alone_{key}"] for row in record["history"]}) == 1, "each frame alone does not learn"


def test_whoever_begins_with_the_weights_is_told_all_patients_they_have_seen(trained):
    stored = network_of(trained[0])
    assert stored["kind"] == "cardiosam-temporal"
    assert {TRAINS, "heart 0", "patient001"} < set(stored["patients"])
    assert VALIDATES not in stored["patients"]
    assert not any("teacher" in name for name in stored["network"])


def test_the_decoder_begins_where_the_single_frames_ended(options, prepared, tmp_path):
    text = CINES.replace("learning_rate = 1e-3", "learning_rate = 1e-12\nweight_decay = 0.0")
    (prepared / "still.toml").write_text(text.replace("steps = 5", "steps = 1"))
    train_model(options(tmp_path, configuration="still.toml"))
    before, after = (network_of(folder)["network"] for folder in (prepared / "single", tmp_path))
    names = [name.removeprefix("decoder.") for name in before if name.startswith("decoder.")]
    assert names
    for name in names:
        torch.testing.assert_close(after[f"decoder.decoder.{name}"], before[f"decoder.{name}"], rtol=1e-5, atol=1e-7)
    row = json.loads((tmp_path / "record.json").read_text())["kept"]
    assert row["dice"] == pytest.approx(row["alone_dice"], abs=1e-3)


def test_a_stopped_training_goes_on_to_the_same_weights(trained, options, tmp_path):
    def stop_at_step_three(_fraction, message):
        if message.startswith("step 3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_model(options(tmp_path), stop_at_step_three)
    assert not (tmp_path / "weights.pt").exists()
    train_model(options(tmp_path))
    expected, found = (network_of(folder)["network"] for folder in (trained[0], tmp_path))
    assert expected.keys() == found.keys()
    assert all(torch.equal(value, found[name]) for name, value in expected.items())
    assert (trained[0] / "log.jsonl").read_text() == (tmp_path / "log.jsonl").read_text()


def test_without_weights_to_begin_with_it_says_what_to_train_first(prepared, tmp_path):
    with pytest.raises(UnusableInput, match="goes on from single; train that first"):
        train_model(TrainingOptions(str(prepared / "cines.toml"), tmp_path / "out", prepared / "data", device="cpu"))


@pytest.mark.parametrize("case", ["no record", "of cines", "other options", "damaged"])
def test_weights_of_another_network_are_refused(case, options, prepared, trained, tmp_path):
    source = trained[0] if case == "of cines" else prepared / "single"
    for name in ("weights.pt", "record.json"):
        shutil.copy(source / name, tmp_path / name)
    if case == "no record":
        (tmp_path / "record.json").unlink()
    elif case == "damaged":
        (tmp_path / "weights.pt").write_bytes(b"PK")
    elif case == "other options":
        stored = network_of(tmp_path)
        torch.save({**stored, "options": {**stored["options"], "csam": False}}, tmp_path / "weights.pt")
    with pytest.raises(UnusableInput, match=r"no weights of a cardiosam with the options.*record.json beside it"):
        train_model(options(tmp_path / "out", tmp_path / "weights.pt"))
    assert not (tmp_path / "out").exists()


def test_weights_of_another_encoder_are_refused(options, prepared, tmp_path):
    shutil.copy(prepared / "single" / "weights.pt", tmp_path / "weights.pt")
    record = json.loads((prepared / "single" / "record.json").read_text())
    record["encoder"]["sha256"] = "0" * 64
    (tmp_path / "record.json").write_text(json.dumps(record))
    with pytest.raises(UnusableInput, match="trained on another encoder than cardiosam-unet25d"):
        train_model(options(tmp_path / "out", tmp_path / "weights.pt"))


@pytest.mark.parametrize("seen_by", ["weights", "encoder"])
def test_patients_that_were_seen_before_are_not_validated_on(seen_by, options, prepared, tmp_path):
    patient = VALIDATES if seen_by == "weights" else "patient001"
    shutil.copy(prepared / "single" / "record.json", tmp_path / "record.json")
    stored = network_of(prepared / "single")
    torch.save({**stored, "patients": [VALIDATES]}, tmp_path / "weights.pt")
    (tmp_path / "split.json").write_text(json.dumps({"train": [TRAINS], "validation": [patient]}))
    (tmp_path / "cines.toml").write_text(CINES)
    with pytest.raises(UnusableInput, match=f"validation patients, such as {patient}"):
        train_model(options(tmp_path / "out", tmp_path / "weights.pt", tmp_path / "cines.toml"))
