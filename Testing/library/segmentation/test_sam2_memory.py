"""Claims about `sam2_memory`, on a SAM 2.1 tiny with random weights."""

import numpy as np
import pytest
from PIL import Image

from CardioSAMLib.segmentation.sam2_image import sam2_image
from CardioSAMLib.segmentation.sam2_memory import encoded_frames, walk
from CardioSAMLib.segmentation.sam2_models import load_sam2

SIZE = 224
PIXEL_MM = (1.4, 1.4)


@pytest.fixture(scope="module")
def model(sam2_checkpoint):
    return load_sam2(sam2_checkpoint, SIZE, device="cpu")


def frames_of_noise():
    """Gray levels of four frames of the model's own size, which no scaling changes; they hold 0 and 255."""
    gray = np.random.default_rng(4).integers(0, 256, (4, SIZE, SIZE)).astype(np.uint8)
    gray[0, 0, :2] = 0, 255
    return gray


@pytest.mark.parametrize("reverse", [False, True])
def test_a_walk_equals_the_official_video_predictor(model, sam2_official, tmp_path, reverse):
    """Masks with straight edges on the model's coarse grid: there, the predictor's own rescaling of them is exact."""
    official = sam2_official(SIZE, video=True)
    official.fill_hole_area = 0  # needs the package's CUDA extension
    images = [sam2_image(plane, None, PIXEL_MM, SIZE) for plane in frames_of_noise()]
    masks = np.zeros((2, SIZE, SIZE), bool)
    masks[0, :, :112], masks[1, 160:] = True, True
    order = range(3, -1, -1) if reverse else range(4)
    state = official_state(official, images, tmp_path)
    for number, mask in enumerate(masks):
        official.add_new_mask(state, order[0], number, mask)
    list(official.propagate_in_video(state, order[0], reverse=reverse))
    features = encoded_frames(model, dict(enumerate(images)))
    ours = list(walk(model, [features[frame] for frame in order], masks, 4))
    for step, frame in enumerate(order):
        for number in range(2):
            outputs = state["output_dict_per_obj"][number]
            kept = outputs["non_cond_frame_outputs" if step else "cond_frame_outputs"]
            np.testing.assert_allclose(ours[step][number], kept[frame]["pred_masks"][0, 0].numpy(), atol=1e-4)
    # Random weights answer, too: the logits of a frame spread over much more than the tolerance.
    assert min(logits.std() for logits in ours) > 1e-2


def test_progress_counts_frames_from_1_as_people_do(model):
    said = []
    image = sam2_image(frames_of_noise()[0], None, PIXEL_MM, SIZE)
    encoded_frames(model, {0: image}, lambda _fraction, message: said.append(message))
    assert said == [f"encoding frame 1 on {model.device_title}"]


def official_state(official, images, folder):
    """The predictor's state of a video, with these images in place of the JPEG files it insists on reading."""
    import torch

    for number in range(len(images)):
        Image.new("L", (SIZE, SIZE)).save(folder / f"{number}.jpg")
    state = official.init_state(str(folder))
    state["images"] = torch.from_numpy(np.stack([image.pixels for image in images]))
    state["cached_features"] = {}
    return state
