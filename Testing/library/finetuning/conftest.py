"""Small patients made of the phantom, a small promptable model in a catalogue of its own, a small SAM checkpoint."""

import json

import pytest
import SimpleITK as sitk
import torch

from CardioSAMLib.finetuning.views import read_slices
from CardioSAMLib.model_store import add_models
from CardioSAMLib.networks.unet import UNet25D
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.training.configuration import PromptedConfiguration
from CardioSAMLib.training.export_prompted import export_prompted
from CardioSAMLib.training.prompted import PromptedRun

PATIENTS = ("patient001", "patient002", "patient003")
"""Of the name and layout of the published one, but small."""


def write_patient(folder, phantom):
    folder.mkdir(parents=True)
    for frame in (0, 1):
        for array, ending in ((phantom.cine.pixels, ""), (phantom.segmentation.labels, "_gt")):
            image = sitk.GetImageFromArray(array[frame])
            rows, columns, slices = phantom.cine.geometry.spacing_mm
            image.SetSpacing((columns, rows, slices))
            sitk.WriteImage(image, str(folder / f"{folder.name}_frame{frame + 1:02d}{ending}.nii.gz"))
    (folder / "Info.cfg").write_text("ED: 1\nES: 2\nGroup: NOR\nHeight: 170.0\nNbFrame: 2\nWeight: 70.0\n")


@pytest.fixture(scope="session")
def data_set(tmp_path_factory):
    """Three equal patients, each of 4 slices at two frames."""
    folder = tmp_path_factory.mktemp("data")
    phantom = make_phantom(PhantomOptions(rows=64, columns=64, slices=4, frames=2, spacing_mm=(3.0, 3.0, 22.0)))
    for name in PATIENTS:
        write_patient(folder / name, phantom)
    return folder


@pytest.fixture(scope="session")
def slices(data_set):
    return read_slices(data_set, PATIENTS[:1])


@pytest.fixture
def recipe_file(tmp_path):
    """Writes a small recipe; further values replace its own."""

    def write(**values):
        content = {
            "name": "small", "source": "made up", "trains": "decoder", "optimizer": "adam", "learning_rate": 1e-3,
            "epochs": 2, "batch": 2, "ask": {"positives": 1, "box": True},
            "views": {"per_slice": 2, "rotation_degrees": 20, "noise": 0.05},
        }  # fmt: skip
        path = tmp_path / "small.json"
        path.write_text(json.dumps({**content, **values}))
        return str(path)

    return write


@pytest.fixture
def split_file(tmp_path):
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": PATIENTS[:1], "validation": PATIENTS[2:]}))
    return path


@pytest.fixture(scope="session")
def small_model(tmp_path_factory):
    """Folder with the two files and the `models.json` of an untrained promptable model called small-prompt."""
    folder = tmp_path_factory.mktemp("small-prompt")
    configuration = PromptedConfiguration(
        "small-prompt", "none", "none.json", grid_mm=4.0, size_px=32, card={"title": "Small", "license": "test"}
    )
    torch.manual_seed(0)
    run = PromptedRun(configuration, UNet25D((4, 6, 8, 8, 8)))
    with torch.no_grad():
        for weight in run.average.parameters():
            # Ones and zeros that no training has moved are left out by the exporter.
            weight.add_(0.05 * torch.randn_like(weight))
    entry, _files = export_prompted(configuration, run, folder)
    (folder / "models.json").write_text(json.dumps({"models": [entry]}))
    return folder


@pytest.fixture
def own_models(tmp_path, monkeypatch, small_model):
    """The user's catalogue, with the small model in it."""
    monkeypatch.setenv("CARDIOSAM_MODELS", str(tmp_path / "own"))
    monkeypatch.setenv("CARDIOSAM_CACHE", str(tmp_path / "cache"))
    add_models(small_model)
    return tmp_path / "own"
