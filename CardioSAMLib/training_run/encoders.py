"""Frozen encoders: from a file or the catalogue, and their features, computed once per image."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.crops import PREPROCESSING_ID
from CardioSAMLib.resources import CHECKPOINT_SUFFIX, ModelCard, find_model, sha256_of
from CardioSAMLib.segmentation import EmbeddingCache
from CardioSAMLib.segmentation.embedding_cache import embedding_key

if TYPE_CHECKING:
    import torch

    from CardioSAMLib.training.configuration import NetworkChoice


@dataclass(frozen=True, eq=False)
class OpenedEncoder:
    """An encoder with its weights. name: for readers; sha256: of the file of the weights.

    input: what besides the weights and the pixels decides its features, of a SAM encoder its size and normalization.
    """

    network: Any
    name: str
    sha256: str
    input: str = ""

    @property
    def key(self) -> str:
        """By which features are kept."""
        return "-".join(part for part in (self.sha256, self.input) if part)


def open_encoder(choice: NetworkChoice, checkpoint: Path | None) -> OpenedEncoder | None:
    """The encoder that a network is trained on; None where its kind needs none.

    checkpoint: a SAM or MedSAM file, or the `weights.pt` of a training of a network with a `SmallEncoder`; None: the
    encoder of the model of the catalogue that the configuration names.
    Raises UnusableInput where there is none, or it cannot be used.
    """
    from CardioSAMLib.training.networks import network_kind

    if network_kind(choice.kind).encoder == "none":
        return None
    if checkpoint is not None:
        if own := _own(checkpoint):
            _check_not_for_sam(choice, checkpoint.name)
            return OpenedEncoder(own, checkpoint.stem, sha256_of(checkpoint))
        return _sam(checkpoint, choice, checkpoint.stem, sha256_of(checkpoint))
    if not choice.encoder:
        raise UnusableInput("This configuration needs an encoder; give a SAM or MedSAM file with --checkpoint.")
    card = find_model(choice.encoder)
    if card.file.endswith(CHECKPOINT_SUFFIX):
        return _sam(card, choice, card.id, card.sha256)
    _check_not_for_sam(choice, card.id)
    return OpenedEncoder(_of_unet(card), card.id, card.sha256)


def _check_not_for_sam(choice: NetworkChoice, name: str) -> None:
    """Raises UnusableInput where options were chosen that only a SAM encoder has."""
    if not replace(choice, encoder="").usual_encoder:
        raise UnusableInput(
            f"{name} is no SAM encoder, and has neither encoder_px nor normalization; leave them out, or give a SAM or "
            "MedSAM file with --checkpoint."
        )


def _sam(source: Path | ModelCard, choice: NetworkChoice, name: str, sha256: str) -> OpenedEncoder:
    from CardioSAMLib.segmentation.sam_encoders import sam_encoder_of

    network = sam_encoder_of(source, choice.encoder_px, choice.normalization or None)
    return OpenedEncoder(network, name, sha256, f"{choice.encoder_px}-{network.normalization}")


def unet_widths(card: ModelCard) -> tuple[int, ...]:
    """Of a `UNet25D` of the catalogue. Raises UnusableInput for another model."""
    try:
        return tuple(int(width) for width in card.architecture.split()[-1].split("-"))
    except (ValueError, IndexError) as error:
        raise UnusableInput(
            f"{card.id} holds no U-Net, whose encoder could be used; name another encoder, or give a --checkpoint."
        ) from error


def _of_unet(card: ModelCard) -> Any:
    from CardioSAMLib.networks.encoders import SliceBySlice, UNetEncoder
    from CardioSAMLib.training.exported import read_stack_unet, read_unet

    if card.architecture.startswith("StackUNet"):
        return SliceBySlice(read_stack_unet(card.path, unet_widths(card)).encoder)
    return UNetEncoder(read_unet(card.path, unet_widths(card)))


def _own(path: Path) -> Any:
    """The encoder of a network that was trained here; None where the file is another one."""
    import torch

    from CardioSAMLib.networks.encoders import SliceBySlice
    from CardioSAMLib.networks.small_encoder import SmallEncoder
    from CardioSAMLib.networks.unet import UNet25D
    from CardioSAMLib.training.networks import build_network, network_kind, network_options

    if not path.is_file():
        raise UnusableInput(f"There is no file {path}; give a SAM or MedSAM file, or weights.pt of a training.")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        if network_kind(stored["kind"]).encoder != "none":
            raise UnusableInput(
                f"{path.name} holds a {stored['kind']} and no encoder; give a SAM or MedSAM file, or leave it out."
            )
        network = build_network(stored["kind"], network_options(stored["kind"], stored["options"]))
        network.load_state_dict(stored["network"])
    except UnusableInput:
        raise
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError):
        return None
    encoder = getattr(network, "encoder", None)
    if not isinstance(encoder, SmallEncoder):
        advice = (
            "add its model with cardiosam models add, and name that as the encoder"
            if isinstance(network, UNet25D)
            else "give a SAM or MedSAM file, or leave it out"
        )
        raise UnusableInput(f"The network in {path.name} has no encoder that others could use so; {advice}.")
    return SliceBySlice(encoder)


class KeptFeatures:
    """`training.loop.Encode` of a frozen encoder, which computes the features of an image once.

    They are found by the pixels that go into the encoder and its key, by nothing else: another frame of the slice,
    another view of it, or another encoder cannot be given the features of this one.
    used: how many of the features are kept, from the embedding on.
    """

    def __init__(self, encoder: OpenedEncoder, cache: EmbeddingCache, used: int) -> None:
        self._encoder, self._cache, self._used = encoder.network.eval(), cache, used
        self._key = f"{encoder.key}-{used}"

    def __call__(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        import torch

        from CardioSAMLib.training.precision import precision_name, training_precision

        precision = precision_name(images.device)
        keys = [embedding_key(one, self._key, PREPROCESSING_ID, precision) for one in images.cpu().numpy()]
        kept = [self._cache.get(key) for key in keys]
        missing = [number for number, one in enumerate(kept) if one is None]
        if missing:
            # The whole batch, also where a stopped run has kept a part of it: the last bit depends on the batch's size.
            with torch.no_grad(), training_precision(images.device):
                features = [level.float().cpu().numpy() for level in self._encoder(images)[: self._used]]
            for number in missing:
                of_one = {str(n): level[number] for n, level in enumerate(features)}
                kept[number] = self._cache.put(keys[number], of_one)
        return tuple(
            torch.from_numpy(np.stack([one[str(n)] for one in kept if one is not None])).to(images.device)
            for n in range(self._used)
        )
