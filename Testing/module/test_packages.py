"""What a model of PyTorch makes Slicer install: torch through its extension, SAM's code from its own repository."""

import sys
from dataclasses import replace
from subprocess import CalledProcessError
from types import SimpleNamespace

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.resources import load_catalogue


@pytest.fixture
def sam_card():
    return replace(load_catalogue()[0], file="mine.pth")


@pytest.fixture
def slicer_with(app, monkeypatch, tmp_path):
    """Slicer with these packages and no others; `installed` says what was asked of pip and of the extension PyTorch."""
    import slicer

    from CardioSAMLib.mrml import packages

    def prepare(*present, fails=False, has_torch_declined=False):
        known = {"slicer.packaging", *present}
        monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: name if name in known else None)
        installed = []

        def pip_install(arguments):
            installed.append(arguments)
            if fails:
                raise CalledProcessError(1, "pip")

        monkeypatch.setattr(slicer.util, "pip_install", pip_install, raising=False)

        def install_torch(**_):
            if has_torch_declined:
                return None
            installed.append("torch")
            return "the module torch"

        logic = SimpleNamespace(installTorch=install_torch)
        extension = SimpleNamespace(PyTorchUtilsLogic=lambda: logic)
        monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
        file = tmp_path / "requirements.txt"
        file.write_text("onnxruntime>=1.19\n")
        return SimpleNamespace(installed=installed, app=app, ensure=lambda card: packages.ensure_packages(file, card))

    return prepare


def test_a_sam_checkpoint_brings_torch_and_the_official_code_without_dependencies(slicer_with, sam_card):
    slicer = slicer_with()
    slicer.ensure(sam_card)
    torch, (flag, address) = slicer.installed
    assert torch == "torch"
    assert flag == "--no-deps"
    assert address.startswith("https://github.com/facebookresearch/segment-anything/archive/")
    assert "github.com" in slicer.app.asked[0]


def test_what_is_there_is_not_installed_again(slicer_with, sam_card):
    slicer = slicer_with("torch", "segment_anything")
    slicer.ensure(sam_card)
    assert not slicer.installed
    assert not slicer.app.asked


@pytest.mark.parametrize("reason", ["answer", "is_online"])
def test_what_pip_does_not_install_is_one_sentence(slicer_with, reason, monkeypatch):
    from slicer import packaging

    monkeypatch.setattr(packaging, reason, False)
    with pytest.raises(UnusableInput, match="check the connection, press the button again and agree"):
        slicer_with().ensure(load_catalogue()[0])


def test_models_of_onnxruntime_need_neither(slicer_with):
    slicer = slicer_with()
    slicer.ensure(load_catalogue()[0])
    assert not slicer.installed


def test_who_says_no_is_told_what_else_to_do(slicer_with, sam_card):
    slicer = slicer_with("torch")
    slicer.app.agrees = False
    with pytest.raises(UnusableInput, match="agree to install it, or choose another model"):
        slicer.ensure(sam_card)
    assert not slicer.installed


def test_who_declines_torch_is_not_asked_for_more(slicer_with, sam_card):
    slicer = slicer_with(has_torch_declined=True)
    with pytest.raises(UnusableInput, match="needs PyTorch; agree to install it, or choose another model"):
        slicer.ensure(sam_card)
    assert not slicer.installed
    assert not slicer.app.asked


def test_a_failure_of_pip_is_one_sentence(slicer_with, sam_card):
    slicer = slicer_with("torch", fails=True)
    with pytest.raises(UnusableInput, match=r"could not be installed .*check the connection"):
        slicer.ensure(sam_card)
