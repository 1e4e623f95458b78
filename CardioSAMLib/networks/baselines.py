"""Published networks that ours is compared with, of kept libraries, each answering as all automatic networks do.

All begin with random weights; they take float `(batch, 3, rows, columns)`. The libraries are imported when a network is
made, and a missing one raises UnusableInput.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.extras import install_hint
from CardioSAMLib.labels import STORAGE
from CardioSAMLib.networks.outputs import Outputs

CLASSES = 1 + len(STORAGE.structures)
"""Background, then the structures in the storage order."""


class AsOutputs(nn.Module):
    """A library's network that answers as the project's own: `Outputs` in training mode, logits in evaluation mode.

    network: images to logits of their size, or to a mapping in which these are called "out", as in torchvision.
    multiple: what rows and columns must be a multiple of; others raise ValueError.
    """

    def __init__(self, network: nn.Module, multiple: int) -> None:
        super().__init__()
        self.network, self.multiple = network, multiple

    def forward(self, images: Tensor) -> Tensor | Outputs:
        rows, columns = images.shape[-2:]
        if rows % self.multiple or columns % self.multiple:
            raise ValueError(f"Images of {rows} x {columns} pixels; this network takes multiples of {self.multiple}.")
        answer = self.network(images)
        logits: Tensor = answer["out"] if isinstance(answer, dict) else answer
        return Outputs((logits,)) if self.training else logits


def unet31() -> nn.Module:
    """U-Net (Ronneberger 2015), widths 64 to 1024, max pooling, transposed convolutions, BatchNorm; 31.1 M parameters.

    MONAI's `BasicUNet`. It has 0.07 M more than the usual 31.0 M: its last transposed convolution keeps 128 channels.
    """
    with _libraries():
        from monai.networks.nets.basic_unet import BasicUNet
    widths = (64, 128, 256, 512, 1024)
    return AsOutputs(
        BasicUNet(2, 3, CLASSES, (*widths, widths[0]), act="relu", norm="batch", bias=False, upsample="deconv"), 16
    )


def deeplabv3plus(weights: str | None = None) -> nn.Module:
    """DeepLabV3+ (Chen 2018) with a ResNet-101 at output stride 16; 45.7 M parameters.

    weights: of the ResNet, by segmentation-models-pytorch's name: "imagenet", which it downloads; None: random ones.
    A training batch must have two images or more: BatchNorm also acts on means over the whole image.
    """
    with _libraries():
        from segmentation_models_pytorch import DeepLabV3Plus
    return AsOutputs(DeepLabV3Plus("resnet101", encoder_weights=weights, encoder_output_stride=16, classes=CLASSES), 16)


def deeplabv3_r50() -> nn.Module:
    """DeepLabV3 (Chen 2017) with a ResNet-50 at output stride 8, as EchoNet-Dynamic used it; 39.6 M parameters.

    torchvision's. A training batch must have two images or more, as of `deeplabv3plus`.
    """
    with _libraries():
        from torchvision.models.segmentation import deeplabv3_resnet50
    return AsOutputs(deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=CLASSES), 8)


def transunet() -> nn.Module:
    """TransUNet (Chen 2021) of R50-ViT-B/16, the encoder being timm's; see `TransUNet`."""
    with _libraries():
        from CardioSAMLib.networks.transunet import TransUNet

        return AsOutputs(TransUNet(CLASSES), 16)


@contextmanager
def _libraries() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise UnusableInput(
            f"{error.name} is not installed; install what the baselines need with: {install_hint('train')}."
        ) from error
