"""Python packages that Slicer lacks, installed after asking. Main thread only."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from subprocess import CalledProcessError

import slicer

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.resources import CHECKPOINT_SUFFIX, ModelCard

TORCH_VERSIONS = ">=2.4,<2.13"
"""Later ones fail on Windows, where paths get too long (discourse.slicer.org/t/47781)."""

SEGMENT_ANYTHING = (
    "https://github.com/facebookresearch/segment-anything/archive/dca509fe793f601edb92606367a655c15ac00fdf.zip"
)
"""The official code: the name on PyPI has no official owner (Slicer/ExtensionsIndex#1944)."""


def needs_torch(card: ModelCard) -> bool:
    """Whether a model runs in PyTorch; the others need onnxruntime only."""
    return card.file.endswith(CHECKPOINT_SUFFIX)


def can_compute() -> bool:
    """Whether models that need no PyTorch run without installing anything."""
    return importlib.util.find_spec("onnxruntime") is not None


def check_can_compute() -> None:
    """Raises UnusableInput where a script would fail that nobody can answer questions of."""
    if not can_compute():
        raise UnusableInput(
            "The models need the package onnxruntime, which this Slicer does not have; press Segment once in the panel "
            'CardioSAM and agree to install it, or run slicer.util.pip_install("onnxruntime>=1.19").'
        )


def ensure_packages(requirements: Path | str, card: ModelCard) -> None:
    """Installs what a model needs. requirements: the file that lists what all models need.

    Raises UnusableInput where Slicer is too old, the user says no, or it fails.
    """
    if importlib.util.find_spec("slicer.packaging") is None:
        raise UnusableInput(f"CardioSAM needs Slicer 5.12 or newer; this is {slicer.app.applicationVersion}.")
    from slicer import packaging

    try:
        packaging.pip_ensure(packaging.load_requirements(str(requirements)), requester="CardioSAM")
    except (RuntimeError, CalledProcessError) as error:  # the user said no, or pip failed
        raise UnusableInput(
            f"The models need packages that are missing ({error}); check the connection, press the button again and "
            "agree to install them."
        ) from error
    if needs_torch(card):
        if importlib.util.find_spec("torch") is None:
            _install_torch()
        if importlib.util.find_spec("segment_anything") is None:
            _install_segment_anything()


def _install_torch() -> None:
    try:
        import PyTorchUtils  # type: ignore[import-not-found]
    except ImportError as error:
        raise UnusableInput(
            "This model needs PyTorch; install the extension PyTorch, or choose another model."
        ) from error
    logic = PyTorchUtils.PyTorchUtilsLogic()
    if logic.installTorch(askConfirmation=True, torchVersionRequirement=TORCH_VERSIONS) is None:
        raise UnusableInput("This model needs PyTorch; agree to install it, or choose another model.")


def _install_segment_anything() -> None:
    question = "This model needs the code of segment-anything from github.com, which is small. Install it now?"
    if not slicer.util.confirmOkCancelDisplay(question, "CardioSAM"):
        raise UnusableInput("This model needs segment-anything; agree to install it, or choose another model.")
    try:
        # It needs nothing but torch, and pip must not look for another one.
        slicer.util.pip_install(["--no-deps", SEGMENT_ANYTHING])
    except (RuntimeError, CalledProcessError) as error:
        raise UnusableInput(
            f"segment-anything could not be installed ({error}); check the connection, or choose another model."
        ) from error
