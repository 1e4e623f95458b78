"""Claims about `promptable`, on a model whose answer is a cone around the positive points: geometry says the rest."""

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry, UnusableInput
from CardioSAMLib.crops import Crop, take
from CardioSAMLib.labels import STORAGE, Provenance, Structure
from CardioSAMLib.progress import Cancelled
from CardioSAMLib.prompts import PointPrompt, SlicePrompts, StructurePrompts
from CardioSAMLib.segmentation.embedding_cache import EmbeddingCache
from CardioSAMLib.segmentation.locate import HeartBox, heart_box_of
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.promptable import MaskLogits, Prompter, provenance_of

SHAPE = (40, 48)
LV, MYO, RV = (STORAGE.value_of(structure) for structure in (Structure.LV, Structure.MYO, Structure.RV))
REACH_PX = 8.0


class ConeModel:
    """Logits fall by 1 per pixel from REACH_PX at the positive points. Counts what it is asked for."""

    id, sha256, preprocessing, device_title = "cone", "c" * 64, "cone-v1", "an abacus"

    def __init__(self):
        self.precision = "float32"
        self.encoded = []
        self.decoded = []
        self.planes = None

    def image_of(self, planes, region, _pixel_mm):
        self.planes = planes
        center = region.center_px if region else ((SHAPE[0] - 1) / 2.0, (SHAPE[1] - 1) / 2.0)
        crop = Crop(center, (1.0, 1.0), 48)
        return ModelImage(np.stack([take(plane, crop) for plane in planes]), crop, (48, 48))

    def encode(self, image):
        self.encoded.append(image)
        return {"mean": image.pixels.mean(axis=(1, 2))}

    def decode(self, embedding, image, prompts):
        self.decoded.append((prompts.structure, embedding["mean"]))
        rows, columns = np.meshgrid(*(image.crop.coordinates_px(axis) for axis in (0, 1)), indexing="ij")
        distances = [np.hypot(rows - point.row_px, columns - point.column_px) for point in prompts.positives]
        logits = (REACH_PX - np.min(distances, axis=0)).astype(np.float32)
        return MaskLogits(logits, logits[::4, ::4], 0.75)


@pytest.fixture
def cine():
    pixels = np.random.default_rng(3).integers(0, 400, (2, 3, *SHAPE)).astype(np.float32)
    return Cine(pixels, Geometry((1.5, 1.5, 8.0)))


@pytest.fixture
def model():
    return ConeModel()


@pytest.fixture
def prompter(model, tmp_path):
    return Prompter(model, EmbeddingCache(tmp_path / "cache"))


def click(structure, row, column):
    return StructurePrompts(structure, (PointPrompt(row, column, True),))


def on_slice(*structures, frame=0, slice_number=1, frozen=()):
    return SlicePrompts(frame, slice_number, structures, frozenset(frozen))


def disk(row, column):
    rows, columns = np.indices(SHAPE)
    return np.hypot(rows - row, columns - column) < REACH_PX


def test_a_structure_is_drawn_where_its_logit_is_above_the_zero_of_background(prompter, cine):
    prediction = prompter.predict(cine, on_slice(click(Structure.LV, 20, 15)))
    assert prediction.labels.dtype == np.uint8
    np.testing.assert_array_equal(prediction.labels, np.where(disk(20, 15), LV, 0))


def test_structures_exclude_each_other_at_the_middle_between_equal_cones(prompter, cine):
    prediction = prompter.predict(cine, on_slice(click(Structure.LV, 20, 15), click(Structure.RV, 20, 24)))
    both = disk(20, 15) & disk(20, 24)
    columns = np.indices(SHAPE)[1]
    assert both.any()
    assert np.all(prediction.labels[both & (columns < 19.5)] == LV)
    assert np.all(prediction.labels[both & (columns > 19.5)] == RV)


def test_the_confidence_is_the_share_among_background_and_the_structures(prompter, cine):
    prediction = prompter.predict(cine, on_slice(click(Structure.LV, 20, 15), click(Structure.RV, 20, 24)))
    lv, rv = np.exp(REACH_PX), np.exp(REACH_PX - 9.0)
    assert prediction.confidence.dtype == np.float32
    assert prediction.confidence[20, 15] == pytest.approx(lv / (1 + lv + rv), rel=1e-5)
    assert prediction.confidence.min() >= 1 / 3
    assert prediction.confidence.max() <= 1


def test_the_second_click_does_not_encode_again(prompter, model, cine):
    prompter.predict(cine, on_slice(click(Structure.LV, 20, 15)))
    moved = prompter.predict(cine, on_slice(click(Structure.LV, 25, 30)))
    assert len(model.encoded) == 1
    assert moved.labels[25, 30] == LV


def test_both_clicks_decode_the_same_embedding(prompter, model, cine):
    for _ in range(2):
        prompter.predict(cine, on_slice(click(Structure.LV, 20, 15)))
    np.testing.assert_array_equal(model.decoded[0][1], model.decoded[1][1])


def test_an_embedding_survives_the_program(model, cine, tmp_path):
    for _ in range(2):
        Prompter(model, EmbeddingCache(tmp_path)).predict(cine, on_slice(click(Structure.LV, 20, 15)))
    assert len(model.encoded) == 1


def test_a_slice_that_was_prepared_needs_no_encoding_at_its_first_click(prompter, model, cine):
    prompter.prepare(cine, 1, 2)
    assert len(model.encoded) == 1
    prompter.predict(cine, on_slice(click(Structure.LV, 20, 15), frame=1, slice_number=2))
    assert len(model.encoded) == 1


@pytest.mark.parametrize("other", [{"frame": 1}, {"slice_number": 0}, {"region": HeartBox((18.0, 22.0), (30.0, 30.0))}])
def test_another_frame_slice_or_region_is_encoded_for_itself(prompter, model, cine, other):
    region = other.pop("region", None)
    prompter.predict(cine, on_slice(click(Structure.LV, 20, 15)))
    prompter.predict(cine, on_slice(click(Structure.LV, 20, 15), **other), region)
    assert len(model.encoded) == 2


def test_what_another_precision_encoded_is_not_taken(prompter, model, cine):
    prompter.predict(cine, on_slice(click(Structure.LV, 20, 15)))
    model.precision = "bfloat16"
    prompter.predict(cine, on_slice(click(Structure.LV, 20, 15)))
    assert len(model.encoded) == 2


def test_an_embedding_is_kept_under_the_precision_in_which_it_was_made_at_last(model, cine, tmp_path):
    class Leaving(ConeModel):
        def __init__(self):
            super().__init__()
            self.precision = "bfloat16"

        def encode(self, image):
            self.precision = "float32"
            return super().encode(image)

    Prompter(Leaving(), EmbeddingCache(tmp_path)).predict(cine, on_slice(click(Structure.LV, 20, 15)))
    Prompter(model, EmbeddingCache(tmp_path)).predict(cine, on_slice(click(Structure.LV, 20, 15)))
    assert model.encoded == []


def test_the_model_sees_the_slice_between_its_neighbors_and_an_end_slice_twice(prompter, model, cine):
    prompter.prepare(cine, 1, 1)
    np.testing.assert_array_equal(model.planes, cine.pixels[1])
    prompter.prepare(cine, 1, 2)
    np.testing.assert_array_equal(model.planes, cine.pixels[1, [1, 2, 2]])


def test_a_frozen_structure_stays_as_it_was_even_under_a_click(prompter, model, cine):
    existing = np.where(disk(20, 20), RV, 0).astype(np.uint8)
    prompts = on_slice(click(Structure.LV, 20, 15), click(Structure.RV, 5, 5), frozen=[Structure.RV])
    prediction = prompter.predict(cine, prompts, existing=existing)
    np.testing.assert_array_equal(prediction.labels == RV, disk(20, 20))
    np.testing.assert_array_equal(prediction.labels == LV, disk(20, 15) & ~disk(20, 20))
    assert [structure for structure, _ in model.decoded] == [Structure.LV]
    assert np.all(prediction.confidence[disk(20, 20)] == 1.0)


def test_a_structure_without_prompts_stays_where_nothing_is_drawn_over_it(prompter, cine):
    existing = np.where(disk(20, 20), MYO, 0).astype(np.uint8)
    prediction = prompter.predict(cine, on_slice(click(Structure.LV, 20, 15)), existing=existing)
    np.testing.assert_array_equal(prediction.labels == LV, disk(20, 15))
    np.testing.assert_array_equal(prediction.labels == MYO, disk(20, 20) & ~disk(20, 15))


def test_a_prompted_structure_is_drawn_anew(prompter, cine):
    existing = np.where(disk(30, 40), LV, 0).astype(np.uint8)
    before = existing.copy()
    prediction = prompter.predict(cine, on_slice(click(Structure.LV, 20, 15)), existing=existing)
    np.testing.assert_array_equal(prediction.labels == LV, disk(20, 15))
    np.testing.assert_array_equal(existing, before)


def test_a_frozen_structure_without_labels_is_refused(prompter, cine):
    with pytest.raises(UnusableInput, match=r"RV cannot stay as it is.*pass those drawn before"):
        prompter.predict(cine, on_slice(click(Structure.LV, 20, 15), frozen=[Structure.RV]))


@pytest.mark.parametrize("existing", [np.zeros((48, 40), np.uint8), np.zeros(SHAPE, np.int64)])
def test_labels_of_another_shape_or_type_are_refused(prompter, cine, existing):
    with pytest.raises(UnusableInput, match="labels drawn before"):
        prompter.predict(cine, on_slice(click(Structure.LV, 20, 15)), existing=existing)


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        (on_slice(click(Structure.LV, 20, 90)), "outside"),
        (on_slice(click(Structure.LV, 20, 15), frame=2), "no frame 2"),
        (on_slice(click(Structure.LV, 20, 15), slice_number=3), "no slice 3"),
    ],
)
def test_prompts_that_do_not_fit_the_cine_are_refused_before_anything_is_encoded(
    prompter, model, cine, prompts, message
):
    with pytest.raises(UnusableInput, match=message):
        prompter.predict(cine, prompts)
    assert model.encoded == []


def test_the_answers_of_the_decoder_come_with_the_labels(prompter, cine):
    prediction = prompter.predict(cine, on_slice(click(Structure.LV, 20, 15), click(Structure.RV, 20, 30)))
    assert prediction.predicted_iou == {Structure.LV: 0.75, Structure.RV: 0.75}
    assert prediction.low_resolution_logits[Structure.RV].shape == (12, 12)


def test_the_user_is_told_the_device_and_can_cancel_before_encoding(prompter, model, cine):
    def cancel(_fraction, message):
        assert message == "encoding the slice on an abacus"
        raise Cancelled

    with pytest.raises(Cancelled):
        prompter.predict(cine, on_slice(click(Structure.LV, 20, 15)), progress=cancel)
    assert model.encoded == []


def test_progress_never_runs_backward(prompter, cine):
    said = []
    prompts = on_slice(click(Structure.LV, 20, 15), click(Structure.RV, 20, 30))
    prompter.predict(cine, prompts, progress=lambda fraction, _: said.append(fraction))
    assert said == sorted(said)
    assert len(said) == 3


def test_the_heart_box_of_contours_covers_all_slices_and_frames():
    labels = np.zeros((2, 2, *SHAPE), np.uint8)
    labels[0, 0, 10:20, 5] = LV
    labels[1, 1, 12, 7:15] = RV
    assert heart_box_of(labels, (2.0, 1.0)) == HeartBox((14.5, 9.5), (20.0, 10.0))


def test_without_contours_there_is_no_heart_box():
    with pytest.raises(UnusableInput, match="segment the cine first"):
        heart_box_of(np.zeros((1, 1, *SHAPE), np.uint8), (1.0, 1.0))


def test_the_provenance_of_a_model_without_a_version_names_its_weights(model):
    assert provenance_of(model) == Provenance("cone", "", "c" * 64)
    assert provenance_of(model).as_settings("refined_by") == {"refined_by": "cone", "refined_by_sha256": "c" * 64}
