"""Claims about a whole fine-tuning: what changes, what stays bit by bit, that it resumes and is found by name."""

import json
import shutil
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import SimpleITK as sitk
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.finetuning.examples import SliceExamples
from CardioSAMLib.finetuning.run import FineTuningOptions, finetune, kept_embeddings, open_tunable
from CardioSAMLib.finetuning.views import read_slices
from CardioSAMLib.io import load_acdc_patient
from CardioSAMLib.labels import Structure
from CardioSAMLib.prompts import BoxPrompt, SlicePrompts, StructurePrompts
from CardioSAMLib.resources import find_model, load_catalogue
from CardioSAMLib.segmentation import EmbeddingCache, Prompter, promptable_of
from CardioSAMLib.segmentation.sam_checkpoint import read_checkpoint
from CardioSAMLib.training.finetuning import mean_dice
from CardioSAMLib.training.recipe import read_recipe

LV = SlicePrompts(0, 1, (StructurePrompts(Structure.LV, box=BoxPrompt(20, 20, 44, 44)),))
BOTH = "encoder+decoder"


@pytest.fixture
def options(recipe_file, split_file, small_sam, own_models):  # noqa: ARG001 (the catalogue must be there)
    return FineTuningOptions(recipe_file(), str(small_sam), "mine", split_file, "sam", 224, "cpu")


def outputs(path):
    """What an encoder file computes."""
    images = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"images": images})


def drawn_by(model_id, data_set, tmp_path):
    cine = load_acdc_patient(data_set / "patient003").cine
    prompter = Prompter(promptable_of(find_model(model_id)), EmbeddingCache(tmp_path / "other-cache"))
    return prompter.predict(cine, LV)


def test_a_tuned_decoder_is_found_by_name_and_draws_as_well_as_was_measured(
    data_set, recipe_file, split_file, own_models, tmp_path
):
    """Of a small model: its encoder stays the same file; the weights of the best epoch are those in the new one."""
    options = FineTuningOptions(recipe_file(), "small-prompt", "mine", split_file)
    tuned = finetune(data_set, tmp_path / "out", options)
    before, after = find_model("small-prompt"), find_model("mine")
    assert after.folder == own_models / "mine"
    assert after.path.read_bytes() == before.path.read_bytes()
    assert after.decoder["sha256"] != before.decoder["sha256"]
    assert [path.name for path in tuned.files] == ["mine-decoder.onnx", "mine-encoder.onnx"]
    answers = [
        drawn_by(one, data_set, tmp_path).low_resolution_logits[Structure.LV] for one in ("small-prompt", "mine")
    ]
    assert np.abs(answers[0] - answers[1]).max() > 1e-2
    again = open_tunable(replace(options, checkpoint="mine"), False)
    examples = SliceExamples(
        read_slices(data_set, ["patient003"]), again, read_recipe(options.recipe),
        kept_embeddings(again, tmp_path / "more"), varied=False,
    )  # fmt: skip
    assert mean_dice(again.network, examples) == pytest.approx(tuned.dice_after, abs=1e-3)


@pytest.mark.usefixtures("own_models")
def test_where_the_encoder_of_a_small_model_learns_its_file_changes(data_set, recipe_file, split_file, tmp_path):
    options = FineTuningOptions(recipe_file(trains=BOTH, epochs=1), "small-prompt", "mine", split_file)
    finetune(data_set, tmp_path / "out", options)
    before, after = (outputs(find_model(one).path) for one in ("small-prompt", "mine"))
    assert all(np.abs(one - other).max() > 1e-3 for one, other in zip(before, after, strict=True))


def test_what_was_measured_stands_in_the_catalogue_and_in_the_log(options, data_set, tmp_path):
    tuned = finetune(data_set, tmp_path / "out", options)
    rows = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 4, 8]  # 8 slices in batches of 2, 2 epochs
    assert tuned.dice_before == rows[0]["dice"]
    assert tuned.dice_after == max(row["dice"] for row in rows[1:])
    assert find_model("mine").accuracy["slice_dice"] == round(tuned.dice_after, 4)
    assert not list((tmp_path / "out" / "embeddings").iterdir())


def test_the_record_says_what_decided_the_weights(options, data_set, tmp_path):
    finetune(data_set, tmp_path / "out", options)
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record["recipe"]["batch"] == 2
    assert record["patients"] == json.loads((tmp_path / "out" / "split.json").read_text())
    assert record["began_with"] == options.checkpoint
    assert record["versions"]["torch"] == torch.__version__.split("+")[0]
    assert (record["device"], record["precision"]) == ("cpu", "float32")
    assert [row["step"] for row in record["history"]] == [0, 4, 8]
    assert list((tmp_path / "out" / "tensorboard").iterdir())


def test_a_stopped_run_goes_on_to_the_same_weights(options, data_set, tmp_path):
    finetune(data_set, tmp_path / "whole", options)

    def stop(fraction, _message):
        if fraction > 0.6:
            raise KeyboardInterrupt

    again = replace(options, name="again")
    with pytest.raises(KeyboardInterrupt):
        finetune(data_set, tmp_path / "parts", again, stop)
    finetune(data_set, tmp_path / "parts", again)
    one, other = (read_checkpoint(find_model(name).path).weights for name in ("mine", "again"))
    assert all(torch.equal(one[name], weight) for name, weight in other.items())


def test_a_run_is_not_continued_with_another_recipe(options, data_set, recipe_file, tmp_path):
    finetune(data_set, tmp_path / "out", options)
    with pytest.raises(UnusableInput, match="on other images or contours, or from other weights"):
        finetune(data_set, tmp_path / "out", replace(options, recipe=recipe_file(seed=1)))


def test_a_run_is_not_continued_with_corrected_contours(options, data_set, tmp_path):
    """Else the old model would come back as if it had learned from them."""
    copy = tmp_path / "data"
    shutil.copytree(data_set, copy)
    finetune(copy, tmp_path / "out", options)
    [contours] = (copy / "patient001").glob("*frame01_gt.nii*")
    image = sitk.ReadImage(str(contours))
    sitk.WriteImage(sitk.Mask(image, image != 3), str(contours))
    with pytest.raises(UnusableInput, match="give another folder, or delete it"):
        finetune(copy, tmp_path / "out", options)


def test_small_groups_still_leave_a_patient_to_validate_on(options, data_set, recipe_file, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(data_set, copy)
    for number, info in enumerate(sorted(copy.glob("*/Info.cfg"))):
        lines = [line for line in info.read_text().splitlines() if not line.startswith("Group")]
        info.write_text("\n".join([*lines, f"Group: {('NOR', 'DCM', 'HCM')[number]}", ""]))
    finetune(copy, tmp_path / "out", replace(options, split=None, recipe=recipe_file(epochs=1)))
    assert len(json.loads((tmp_path / "out" / "split.json").read_text())["validation"]) == 1


def test_memory_that_runs_out_is_said_in_a_sentence(options, data_set, tmp_path, monkeypatch):
    def full(*_given):
        message = "CUDA out of memory. Tried to allocate 2 GiB"
        raise RuntimeError(message)

    monkeypatch.setattr("CardioSAMLib.training.finetuning.FineTuningRun.train_step", full)
    with pytest.raises(UnusableInput, match=r"memory of the device is not enough.*--device cpu"):
        finetune(data_set, tmp_path / "out", options)


@pytest.mark.parametrize(
    ("trains", "changed"), [("decoder", {"mask_decoder"}), (BOTH, {"mask_decoder", "image_encoder"})]
)
def test_of_a_sam_checkpoint_only_what_the_recipe_names_changes(
    trains, changed, options, data_set, recipe_file, small_sam, tmp_path
):
    recipe = recipe_file(trains=trains, epochs=1, ask={"box": True, "jitter": "out_U(0,20)px@1024"})
    tuned = finetune(data_set, tmp_path / "out", replace(options, recipe=recipe, name=""))
    assert tuned.model_id == "small-small"  # file and recipe
    card = find_model("small-small")
    before, after = read_checkpoint(small_sam, "sam"), read_checkpoint(card.path)
    assert after.normalization == "sam"
    different = {
        name.split(".")[0] for name, weight in before.weights.items() if not torch.equal(weight, after.weights[name])
    }
    assert different == changed
    assert promptable_of(card).id == "small-small"
    assert drawn_by("small-small", data_set, tmp_path).labels.shape == (64, 64)


@pytest.mark.usefixtures("matrix_instructions")
def test_an_encoder_that_learns_computes_in_half_and_its_answer_and_gradients_are_full(options):
    network = open_tunable(options, trains_encoder=True).network
    seen = []
    layer = network.parts["image_encoder"].neck[0]
    layer.register_forward_hook(lambda *given: seen.append(given[2].dtype))
    embedding = network.embedded({"pixels": torch.rand(3, 224, 224)})["image_embedding"]
    embedding.sum().backward()
    assert seen == [torch.bfloat16]
    assert embedding.dtype == layer.weight.grad.dtype == torch.float32
    assert network.precision == "bfloat16"


def test_a_tuned_sam_runs_on_the_device_that_is_asked_for(options, data_set, recipe_file, tmp_path):
    finetune(data_set, tmp_path / "out", replace(options, recipe=recipe_file(epochs=1)))
    assert promptable_of(find_model("mine"), device="cpu").device_title.startswith("CPU")
    with pytest.raises(UnusableInput, match=r"no device 'abacus'.*choose one of: .*cpu"):
        promptable_of(find_model("mine"), device="abacus")


def test_a_tuned_sam_can_be_tuned_again_by_its_name(options, data_set, recipe_file, tmp_path):
    short = replace(options, recipe=recipe_file(epochs=1))
    finetune(data_set, tmp_path / "first", replace(short, name="first", normalization="medsam"))
    # What the entry says goes before what is given for files.
    finetune(data_set, tmp_path / "second", replace(short, checkpoint="first", name="second", input_size_px=512))
    assert find_model("second").preprocessing == find_model("first").preprocessing == "medsam-slice-v1"
    assert find_model("second").input_shape_px == (224, 224)


def test_without_a_split_one_is_drawn_and_written(options, data_set, recipe_file, tmp_path):
    finetune(data_set, tmp_path / "out", replace(options, split=None, recipe=recipe_file(epochs=1)))
    split = json.loads((tmp_path / "out" / "split.json").read_text())
    assert sorted(split["train"] + split["validation"]) == ["patient001", "patient002", "patient003"]
    assert len(split["validation"]) == 1


def test_a_split_of_several_folds_needs_one_of_them(options, data_set, recipe_file, tmp_path):
    folds = tmp_path / "folds.json"
    folds.write_text(json.dumps({"folds": [["patient001"], ["patient002", "patient003"]]}))
    short = replace(options, split=folds, recipe=recipe_file(epochs=1))
    with pytest.raises(UnusableInput, match=r"2 folds.*say which"):
        finetune(data_set, tmp_path / "out", short)
    finetune(data_set, tmp_path / "out", replace(short, fold=2))
    assert json.loads((tmp_path / "out" / "split.json").read_text())["train"] == ["patient001"]


def test_patients_that_trained_the_weights_do_not_validate(options, data_set, recipe_file, tmp_path):
    short = replace(options, recipe=recipe_file(epochs=1))
    finetune(data_set, tmp_path / "first", replace(short, name="first"))
    assert find_model("first").patients == ("patient001",)
    turned = tmp_path / "turned.json"
    turned.write_text(json.dumps({"train": ["patient003"], "validation": ["patient001"]}))
    for checkpoint in ("first", str(tmp_path / "first" / "first.pth")):
        with pytest.raises(UnusableInput, match="trained on 1 of the validation patients, such as patient001"):
            finetune(data_set, tmp_path / "out", replace(short, checkpoint=checkpoint, name="second", split=turned))
    for seed in range(3):
        out = tmp_path / f"drawn{seed}"
        drawn = replace(options, split=None, recipe=recipe_file(epochs=1, seed=seed))
        finetune(data_set, out, replace(drawn, checkpoint="first", name=f"drawn{seed}"))
        assert "patient001" in json.loads((out / "split.json").read_text())["train"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"normalization": None}, "does not say how its images were normalized"),
        ({"input_size_px": 100}, "choose 224 to 1024"),
        ({"checkpoint": "absent.pth"}, "no file absent.pth"),
        ({"checkpoint": "absent"}, "There is no checkpoint absent"),
        ({"checkpoint": "cardiosam-unet25d"}, "takes no prompts"),
        ({"recipe": "absent"}, "There is no recipe 'absent'; choose one of chao, decoder"),
        ({"name": "cardiosam-prompt"}, "comes with CardioSAM"),
        ({"name": "small-prompt"}, "have a model called small-prompt already"),
        ({"name": "Größe"}, "cannot be called"),
        ({"device": "abacus"}, "no device 'abacus'"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_written(changes, says, options, data_set, tmp_path):
    with pytest.raises(UnusableInput, match=says):
        finetune(data_set, tmp_path / "out", replace(options, **changes))
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_sam_is_refused(options, data_set, tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(UnusableInput, match="not a SAM model of the official layout"):
        finetune(data_set, tmp_path / "out", replace(options, checkpoint=str(tmp_path / "other.pth")))


def test_patients_without_labels_are_named(options, data_set, tmp_path):
    bare = tmp_path / "bare"
    for name in ("patient001", "patient002", "patient003"):
        (bare / name).mkdir(parents=True)
        for path in (data_set / name).iterdir():
            if "_gt" not in path.name:
                (bare / name / path.name).hardlink_to(path)
    with pytest.raises(UnusableInput, match="patient001 has no contours"):
        finetune(bare, tmp_path / "out", options)
    with pytest.raises(UnusableInput, match="no ACDC-style patients"):
        finetune(tmp_path, tmp_path / "out", replace(options, split=None))


@pytest.mark.usefixtures("own_models")
def test_a_model_of_ones_own_is_listed_beside_those_that_ship():
    assert [card.id for card in load_catalogue()] == [
        "cardiosam-unet25d-3",
        "cardiosam-unet25d",
        "cardiosam-small",
        "cardiosam-prompt",
        "small-prompt",
    ]
