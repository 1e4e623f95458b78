"""Fine-tuning the small promptable models of the catalogue: weights read from their files, and written as new ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.finetuning.tunable import BaseCard
from CardioSAMLib.io import write_files
from CardioSAMLib.labels import STORAGE
from CardioSAMLib.prompts import StructurePrompts
from CardioSAMLib.resources import ModelCard, file_entry
from CardioSAMLib.segmentation.compact_model import CompactModel, prompt_tokens
from CardioSAMLib.segmentation.exported_decoder import read_decoder
from CardioSAMLib.segmentation.model_image import ModelImage

if TYPE_CHECKING:
    import torch

    from CardioSAMLib.networks.prompted import FrozenEncoder, PromptedDecoder
    from CardioSAMLib.training.finetuning import Named


class CompactNetwork:
    """`training.finetuning.Tunable` of a `PromptedDecoder` and, where it learns, its encoder."""

    precision = "float32"

    def __init__(self, encoder: FrozenEncoder | None, decoder: PromptedDecoder, device: str) -> None:
        from torch import nn

        self.encoder, self.decoder = encoder, decoder.requires_grad_(True)
        parts: dict[str, nn.Module] = {"decoder": decoder}
        if encoder is not None:
            parts["encoder"] = encoder
        self._trained = nn.ModuleDict(parts).to(device)
        self._device = device

    @property
    def trained(self) -> torch.nn.Module:
        return self._trained

    def embedded(self, image: Named) -> Named:
        """`coarse` and `fine` `(1, channels, ...)`."""
        if self.encoder is None:
            return {name: image[name][None].to(self._device) for name in ("coarse", "fine")}
        coarse, fine = self.encoder(image["pixels"][None].to(self._device))
        return {"coarse": coarse, "fine": fine}

    def answer(self, embedding: Named, prompts: Named) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Tunable`. No earlier answer is given as a mask."""
        import torch

        points, kinds, structure = (prompts[name].to(self._device) for name in ("points", "kinds", "structure"))
        asked, size = len(points), embedding["fine"].shape[-1]
        coarse, fine = (embedding[name].expand(asked, -1, -1, -1) for name in ("coarse", "fine"))
        mask = torch.zeros(asked, 1, size, size, device=self._device)
        none = torch.zeros(asked, device=self._device)
        logits, quality = self.decoder(coarse, fine, points, kinds, structure, mask, none)
        return logits[:, 0], quality


class TunableCompact:
    """A `TunableModel` of a catalogue entry with an encoder and a decoder file.

    Raises UnusableInput as `CompactModel`, and where the files do not hold such networks.
    """

    def __init__(self, card: ModelCard, trains_encoder: bool, device: str) -> None:
        self.model = CompactModel(card)
        self.base = BaseCard(card.id, card.title, card.license, card.training_data)
        self._card = card
        if card.decoder is None:
            raise UnusableInput(f"{card.id} has no decoder to tune; choose another promptable model.")
        # Of both files: the encoder's alone, which names embeddings, does not say which decoder it starts from.
        self.sha256 = f"{card.sha256}-{card.decoder['sha256']}"
        decoder = read_decoder(card.path.with_name(card.decoder["file"]))
        self.network = CompactNetwork(_learning(card.path) if trains_encoder else None, decoder, device)

    def tokens(self, prompts: Sequence[StructurePrompts], image: ModelImage) -> Named:
        """See `TunableModel`."""
        import torch

        places, kinds = zip(*(prompt_tokens(own, image) for own in prompts), strict=True)
        return {
            "points": torch.from_numpy(np.stack(places)),
            "kinds": torch.from_numpy(np.stack(kinds)),
            "structure": torch.tensor([STORAGE.value_of(own.structure) for own in prompts]),
        }

    def write(self, name: str, folder: Path) -> dict[str, Any]:
        """Two ONNX files. An encoder that did not learn is the same file, so that kept embeddings stay valid."""
        from CardioSAMLib.training.export_prompted import export_decoder, export_encoder

        encoder_file, decoder_file = folder / f"{name}-encoder.onnx", folder / f"{name}-decoder.onnx"
        size_px = self._card.input_shape_px[0]
        if self.network.encoder is None:
            write_files(folder, {encoder_file.name: self._card.path.read_bytes()})
        else:
            export_encoder(self.network.encoder.cpu(), encoder_file, size_px)
        export_decoder(self.network.decoder.cpu(), decoder_file, size_px)
        return {
            "architecture": self._card.architecture,
            "input_shape_px": list(self._card.input_shape_px),
            "spacing_mm": self._card.spacing_mm,
            "preprocessing": self._card.preprocessing,
            **file_entry(encoder_file),
            "decoder": file_entry(decoder_file),
            "parameters": self._card.parameters,
        }


def _learning(path: Path) -> FrozenEncoder:
    from CardioSAMLib.networks.prompted import LearningEncoder
    from CardioSAMLib.training.exported import read_encoder

    return LearningEncoder(read_encoder(path))
