"""Claims about finding the heart and drawing on the native grid, with a network that thresholds."""

from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry, UnusableInput
from CardioSAMLib.progress import Cancelled
from CardioSAMLib.segmentation.automatic import CropSegmenter
from CardioSAMLib.segmentation.locate import locate_heart


def bright_heart(center_mm, pixel_mm=(1.0, 1.5), shape=(200, 160), frames=2, radius_mm=25.0, slices=4):
    """A cine with a bright disk in a gray ring of 10 mm at a place given in mm, and the masks of disk and ring."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    distance = np.hypot(rows * pixel_mm[0] - center_mm[0], columns * pixel_mm[1] - center_mm[1])
    plane = np.where(distance < radius_mm, 300.0, np.where(distance < radius_mm + 10.0, 150.0, 0.0))
    pixels = np.tile(plane, (frames, slices, 1, 1)).astype(np.float32)
    return Cine(pixels, Geometry((*pixel_mm, 10.0))), distance < radius_mm


@pytest.mark.parametrize("center_mm", [(100.0, 120.0), (50.0, 60.0), (150.0, 180.0)])
def test_the_heart_is_found_wherever_it_lies(center_mm, threshold_network):
    cine, _ = bright_heart(center_mm)
    box = locate_heart(cine.pixels[0], (1.0, 1.5), 2.0, 64, threshold_network)
    assert np.multiply(box.center_px, (1.0, 1.5)) == pytest.approx(center_mm, abs=4.0)
    assert box.extent_mm == pytest.approx((70.0, 70.0), abs=8.0)


def test_contours_keep_the_native_resolution(threshold_network, card):
    cine, disk = bright_heart((100.0, 120.0))
    lv = CropSegmenter(threshold_network, card).segment(cine, range(2)).labels == 3
    for plane in lv.reshape(-1, *disk.shape):
        overlap = 2 * (plane & disk).sum() / (plane.sum() + disk.sum())
        assert overlap > 0.97


def test_a_heart_larger_than_the_usual_crop_is_still_seen_whole(threshold_network, card):
    cine, disk = bright_heart((150.0, 150.0), (1.5, 1.5), (200, 200), radius_mm=60.0)
    lv = CropSegmenter(threshold_network, card).segment(cine, [0]).labels[0] == 3
    assert lv[1].sum() == pytest.approx(disk.sum(), rel=0.05)


@pytest.mark.parametrize("transposable", [False, True])
def test_a_network_sees_transposed_images_only_where_it_has_learned_them(transposable, threshold_network, card):
    cine, _ = bright_heart((100.0, 120.0))
    cine.pixels[..., 96:104, 60:100] = 200.0  # the same from above and from the left no more
    heart = locate_heart(cine.pixels[0], (1.0, 1.5), 2.0, 64, threshold_network)
    seen = []

    def noting(images):
        seen.append(images)
        return threshold_network(images)

    CropSegmenter(noting, replace(card, transposable=transposable)).segment(cine, [0], heart=heart)
    assert len(seen) == 1 + transposable
    assert not np.array_equal(seen[0], seen[0].swapaxes(2, 3))
    assert np.array_equal(seen[-1], seen[0].swapaxes(2, 3) if transposable else seen[0])


def test_only_the_frames_asked_for_are_segmented(threshold_network, card):
    cine, _ = bright_heart((100.0, 120.0), frames=4)
    segmentation = CropSegmenter(threshold_network, card).segment(cine, [2, 0])
    assert segmentation.segmented_frames == (0, 2)
    assert segmentation.labels[[0, 2]].any()
    assert not segmentation.labels[[1, 3]].any()
    assert segmentation.provenance.model_id == "threshold"


@pytest.mark.parametrize("frames", [[], [4], [-1, 0]])
def test_frames_that_are_not_there_are_refused(threshold_network, card, frames):
    cine, _ = bright_heart((100.0, 120.0), frames=4)
    with pytest.raises(UnusableInput, match="choose some from 0 to 3"):
        CropSegmenter(threshold_network, card).segment(cine, frames)


def test_an_image_without_a_heart_is_refused_with_advice(card):
    def blind(images):
        empty = np.zeros((len(images), 4, *images.shape[2:]), np.float32)
        empty[:, 0] = 1.0
        return empty

    cine, _ = bright_heart((100.0, 120.0))
    with pytest.raises(UnusableInput, match=r"No heart was found.*choose another series"):
        CropSegmenter(blind, card).segment(cine, [0])


def test_a_cancel_stops_between_frames(threshold_network, card):
    def cancel_late(fraction, _message):
        if fraction > 0.5:
            raise Cancelled

    cine, _ = bright_heart((100.0, 120.0), frames=4)
    with pytest.raises(Cancelled):
        CropSegmenter(threshold_network, card).segment(cine, range(4), cancel_late)
