"""Seconds of one core that SAM 2.1 takes: `python docs/scripts/time_sam2.py docs/sam2-timing.json`.

Processor time of one thread, so that other work on the computer counts little; the least of three. Weights are random,
as time does not depend on them. encode: one slice. click: one answer on an encoded slice. memory step: of
`sam2_memory.walk`, one frame and three structures, once it has seen as many frames as it remembers.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from CardioSAMLib.labels import Structure
from CardioSAMLib.prompts import PointPrompt, StructurePrompts
from CardioSAMLib.segmentation.device import choose_device
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.sam2_checkpoint import Sam2Checkpoint
from CardioSAMLib.segmentation.sam2_memory import encoded_frames, walk
from CardioSAMLib.segmentation.sam2_models import Sam2Model
from CardioSAMLib.segmentation.sam2_network import ARCHITECTURES, Sam2Architecture, sam2_network

MODEL, SIZES_PX = "sam2.1-tiny", (256, 512)
_FRAMES = 8
"""One that is drawn and six more fill the memory; the last one is timed."""

Given = TypeVar("Given")


def main() -> None:
    torch.set_num_threads(1)
    architecture = next(known for known in ARCHITECTURES if known.id == MODEL)
    rows = [timed(architecture, size) for size in SIZES_PX]
    content = {"command": "python docs/scripts/time_sam2.py docs/sam2-timing.json", "rows": rows}
    Path(sys.argv[1]).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def timed(architecture: Sam2Architecture, size: int) -> dict[str, Any]:
    torch.manual_seed(0)
    weights = sam2_network(architecture, size).state_dict()
    model = Sam2Model(Sam2Checkpoint(architecture, weights, "0" * 64, "random"), size, choose_device("cpu"))
    planes = np.random.default_rng(0).integers(0, 256, (3, 200, 200)).astype(np.float32)
    image = model.image_of(planes, None, (1.4, 1.4))
    click = StructurePrompts(Structure.LV, (PointPrompt(90, 90, True),))
    model.encode(image)  # the first call prepares what later ones use
    encode_s, embedding = seconds(lambda: model.encode(image))
    model.decode(embedding, image, click)
    click_s, _ = seconds(lambda: model.decode(embedding, image, click))
    return {
        "model": architecture.id,
        "input_px": size,
        "encode_s": round(encode_s, 3),
        "click_s": round(click_s, 3),
        "memory_step_s": round(memory_step_s(model, image), 3),
    }


def memory_step_s(model: Sam2Model, image: ModelImage) -> float:
    features = encoded_frames(model, {0: image})[0]
    masks = np.zeros((len(Structure), *image.pixels.shape[1:]), bool)
    masks[:, masks.shape[1] // 2 :] = True
    marks = [time.process_time()]
    for _ in walk(model, [features] * _FRAMES, masks, 30):
        marks.append(time.process_time())
    return marks[-1] - marks[-2]


def seconds(call: Callable[[], Given], repeats: int = 3) -> tuple[float, Given]:
    """The least of some calls, and what the last of them gave."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        given = call()
        times.append(time.process_time() - start)
    return min(times), given


if __name__ == "__main__":
    main()
