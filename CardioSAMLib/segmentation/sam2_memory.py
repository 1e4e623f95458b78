"""SAM 2's memory: from masks on the first image of a video to those on the images that follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.sam2_models import Sam2Model

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Features:
    """An image as the memory takes it.

    maps: from fine to coarse, each `(pixels, 1, channels)`; sizes: their rows, columns. position: of the pixels of the
    coarsest, the only one that the memory looks at.
    """

    maps: tuple[torch.Tensor, ...]
    sizes: tuple[tuple[int, int], ...]
    position: torch.Tensor


def encoded_frames(
    model: Sam2Model, images: Mapping[int, ModelImage], progress: Progress = silent
) -> dict[int, Features]:
    """The images of frames, each encoded once. Must be called within `model.placement.run`."""
    import torch

    features = {}
    for number, (frame, image) in enumerate(images.items()):
        progress(number / len(images), f"encoding frame {frame + 1} on {model.device_title}")
        pixels = torch.as_tensor(image.pixels, device=model.placement.device.kind)[None]
        with torch.no_grad(), model.placement.encoder_precision():
            encoded: Any = model.network.forward_image(pixels)
        maps, positions = encoded["backbone_fpn"], encoded["vision_pos_enc"]
        features[frame] = Features(
            tuple(_as_sequence(level.float()) for level in maps),
            tuple((level.shape[-2], level.shape[-1]) for level in maps),
            _as_sequence(positions[-1].float()),
        )
    return features


def walk(model: Sam2Model, frames: Sequence[Features], masks: Array, frames_of_video: int) -> Iterator[Array]:
    """Logits of the frames in the order given, float32 `(masks, size / 4, size / 4)`.

    masks: bool `(masks, size, size)` on the first frame. frames_of_video: how many there would be if the walk went to
    the end of the video; SAM 2's sense of time depends on it. Must be called within `model.placement.run`.

    Uses the package's `track_step`, of which both its training and its `SAM2VideoPredictor` are made: the predictor
    reads videos from files only, as JPEG or MP4, and these lose gray levels.
    """
    import torch

    count = len(masks)
    prompt = torch.as_tensor(masks, device=model.placement.device.kind)[:, None].float()
    past: dict[str, dict[int, Any]] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
    positions: list[torch.Tensor] = []
    for step, frame in enumerate(frames):
        is_first = step == 0
        with torch.no_grad():
            answer = model.network.track_step(
                frame_idx=step,
                is_init_cond_frame=is_first,
                current_vision_feats=[level.expand(-1, count, -1) for level in frame.maps],
                current_vision_pos_embeds=[frame.position.expand(-1, count, -1)],
                feat_sizes=list(frame.sizes),
                point_inputs=None,
                mask_inputs=prompt if is_first else None,
                output_dict=past,
                num_frames=frames_of_video,
            )
        # Kept as the predictor does: features in half the bits, and the positions, equal in all frames, once.
        positions = positions or answer["maskmem_pos_enc"]
        past["cond_frame_outputs" if is_first else "non_cond_frame_outputs"][step] = {
            "maskmem_features": answer["maskmem_features"].to(torch.bfloat16),
            "maskmem_pos_enc": positions,
            "obj_ptr": answer["obj_ptr"],
        }
        yield np.asarray(answer["pred_masks"][:, 0].float().cpu().numpy())


def _as_sequence(level: torch.Tensor) -> torch.Tensor:
    """`(1, channels, rows, columns)` as SAM 2's transformers take it, `(pixels, 1, channels)`."""
    return level.flatten(2).permute(2, 0, 1)
