"""Writes docs/cache-bug.json and .md: fine-tuning with embeddings kept by patient and slice, and by content.

    python docs/scripts/measure_cache_bug.py DATA --work FOLDER

DATA: the folder that holds `acdc`. FOLDER: for what takes long; a stopped run goes on there. The public code of Stein
2023 keeps an embedding under the name of patient and slice. `PatientSliceKeys`, which does the same
on purpose, exists in this script only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from shapes import shape_volumes

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.comparison import compare_paired
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.evaluation.protocols.splits import read_split
from CardioSAMLib.finetuning.asking import asked_in
from CardioSAMLib.finetuning.compact import TunableCompact
from CardioSAMLib.finetuning.examples import Encode, SliceExamples
from CardioSAMLib.finetuning.run import kept_embeddings
from CardioSAMLib.finetuning.views import LabeledSlice, read_slices
from CardioSAMLib.io import write_files
from CardioSAMLib.labels import STORAGE
from CardioSAMLib.prompts import StructurePrompts
from CardioSAMLib.resources import DEFAULT_MODEL_ID, ModelCard, find_model, models_in, resources_dir
from CardioSAMLib.segmentation.model_image import ModelImage, native_logits
from CardioSAMLib.training.configuration import PromptedConfiguration
from CardioSAMLib.training.export_prompted import export_prompted
from CardioSAMLib.training.exported import read_unet
from CardioSAMLib.training.finetuning import FineTuningRun, Named, fine_tune
from CardioSAMLib.training.prompt_sampling import PromptOptions
from CardioSAMLib.training.prompted import train_prompted
from CardioSAMLib.training.recipe import FineTuningRecipe, read_recipe

DOCS = Path(__file__).resolve().parents[1]
COMMAND = "python docs/scripts/measure_cache_bug.py ../shared/data --work WORK"
SPLIT = "acdc_train80_validation20.json"
EVERY, EPOCHS, SEED = 8, 6, 0
"""One in so many of the training patients is used: 10, of all groups."""

START = PromptedConfiguration(
    "shapes-prompt",
    DEFAULT_MODEL_ID,
    "",
    steps=900,
    finishing_steps=0,
    seed=SEED,
    prompts=PromptOptions(unnamed_share=1.0, other_contour_share=0.0),
)
SHAPES = 80
TRAINED_WITH, TESTED_WITH = ("patient and slice", "content"), ("patient and slice", "content")


class Unnamed(TunableCompact):
    """The network is not told which structure is meant: like SAM, it has prompts and image alone to go by."""

    def tokens(self, prompts: Sequence[StructurePrompts], image: ModelImage) -> Named:
        tokens = dict(super().tokens(prompts, image))
        return {**tokens, "structure": torch.zeros_like(tokens["structure"])}


class PatientSliceKeys:
    """The fault: whatever view of a slice, at whichever frame, was encoded first serves all the others."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._kept: dict[tuple[str, int], Mapping[str, Array]] = {}

    def __call__(self, view: LabeledSlice, image: ModelImage) -> Mapping[str, Array]:
        key = (view.patient, view.slice_number)
        if key not in self._kept:
            self._kept[key] = self._encode(view, image)
        kept = self._kept[key]
        # A view that shows a larger region gives a larger embedding, which the thesis' fixed input size rules out.
        return kept if _size(kept) == image.crop.size_px else _resized(kept, image.crop.size_px)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    given = parser.parse_args()
    split = read_split(resources_dir() / "splits" / SPLIT)
    patients = split.train[::EVERY]
    start = start_model(given.work / "start")
    training = read_slices(given.data / "acdc", patients)
    validation = read_slices(given.data / "acdc", split.validation)
    rows = []
    for box in (True, False):
        recipe = recipe_of(box)
        rows += measured(start, recipe, None, validation, given.work)
        for keys in TRAINED_WITH:
            folder = given.work / f"{'box' if box else 'no-box'}-{keys.replace(' ', '-')}"
            trained = tuned(start, recipe, keys, training, given.work, folder)
            rows += measured(start, recipe, (keys, trained), validation, given.work)
    result = {
        "command": COMMAND, "patients_trained_on": len(patients), "slices_trained_on": len(training),
        "patients": len(split.validation), "slices": len(validation), "epochs": EPOCHS, "seed": SEED,
        "start": START.what_decides_the_weights(), "recipe": recipe_of(True).what_decides_the_weights(), "rows": rows,
    }  # fmt: skip
    content = (json.dumps(result, indent=1) + "\n").encode()
    write_files(DOCS, {"cache-bug.json": content, "cache-bug.md": page(result).encode()})


def start_model(folder: Path) -> ModelCard:
    """A promptable model of the frozen features that ship, and a decoder that has seen shapes only."""
    if not (folder / "models.json").is_file():
        encoder = find_model(START.encoder)
        widths = tuple(int(width) for width in encoder.architecture.split()[-1].split("-"))
        run = train_prompted(START, read_unet(encoder.path, widths), shape_volumes(SHAPES, SEED), folder)
        entry, _files = export_prompted(START, run, folder)
        write_files(folder, {"models.json": json.dumps({"models": [entry]}).encode()})
    (card,) = models_in(folder)
    return card


def recipe_of(box: bool) -> FineTuningRecipe:
    """The recipe of the thesis; the last epoch is taken, so that nothing is chosen by what is reported."""
    recipe = read_recipe("decoder" if box else "decoder-no-box")
    return replace(recipe, epochs=EPOCHS, seed=SEED, views=replace(recipe.views, per_slice=EPOCHS))


def keyed(name: str, model: TunableCompact, work: Path) -> Encode:
    by_content = kept_embeddings(model, work / "embeddings")
    return by_content if name == "content" else PatientSliceKeys(by_content)


def tuned(
    start: ModelCard, recipe: FineTuningRecipe, keys: str, slices: Sequence[LabeledSlice], work: Path, folder: Path
) -> dict[str, torch.Tensor]:
    """The decoder's weights after fine-tuning."""
    model = Unnamed(start, trains_encoder=False, device="cpu")
    encode = keyed(keys, model, work)
    examples = SliceExamples(slices, model, recipe, encode, varied=True)
    if isinstance(encode, PatientSliceKeys):
        fill(examples, recipe)
    fine_tune(FineTuningRun(recipe, model.network, model.sha256), examples, None, folder)
    return model.network.trained.state_dict()


def fill(examples: SliceExamples, recipe: FineTuningRecipe) -> None:
    """The first epoch's views in its order: what a stopped run had kept when it goes on, too."""
    for number in np.random.default_rng((recipe.seed, 0)).permutation(len(examples)):
        examples.at(int(number), 0)


def measured(
    start: ModelCard,
    recipe: FineTuningRecipe,
    trained: tuple[str, dict[str, torch.Tensor]] | None,
    slices: Sequence[LabeledSlice],
    work: Path,
) -> list[dict[str, Any]]:
    """A row for each way of keeping the embeddings of the test."""
    model = Unnamed(start, trains_encoder=False, device="cpu")
    if trained is not None:
        model.network.trained.load_state_dict(trained[1])
    rows = []
    for keys in TESTED_WITH:
        names = ("box" if recipe.ask.box else "no box", trained[0] if trained else "start", keys)
        scores = kept_scores(work / f"scores {', '.join(names)}.json", model, recipe, keyed(keys, model, work), slices)
        frames = [one.frame for one in slices]
        rows.append(
            {
                "box": recipe.ask.box, "trained_with": trained[0] if trained else None, "tested_with": keys,
                "dice": _over_volumes(slices, scores),
                "dice_ed": _over_volumes(*_at(0, frames, slices, scores)),
                "dice_es": _over_volumes(*_at(1, frames, slices, scores)),
                "per_patient": _per_patient(slices, scores),
            }
        )  # fmt: skip
    return rows


def kept_scores(
    file: Path, model: TunableCompact, recipe: FineTuningRecipe, encode: Encode, slices: Sequence[LabeledSlice]
) -> list[float]:
    """The scores of `slice_scores`, from the file where a stopped run has left them."""
    if not file.is_file():
        write_files(file.parent, {file.name: json.dumps(slice_scores(model, recipe, encode, slices)).encode()})
    scores: list[float] = json.loads(file.read_text(encoding="utf-8"))
    return scores


@torch.no_grad()
def slice_scores(
    model: TunableCompact, recipe: FineTuningRecipe, encode: Encode, slices: Sequence[LabeledSlice]
) -> list[float]:
    """Mean Dice of the structures of each slice, on its own grid, each structure drawn by itself."""
    scores = []
    for number, one in enumerate(slices):
        image = model.model.image_of(one.planes, one.region, one.pixel_mm)
        given = {name: torch.from_numpy(array) for name, array in encode(one, image).items()}
        embedding = model.network.embedded(given)
        own = []
        for prompts, _mask in asked_in(one, image, recipe.ask, [SEED, number]):
            logits, _quality = model.network.answer(embedding, model.tokens([prompts], image))
            drawn = native_logits(logits[0].numpy(), image, (one.labels.shape[0], one.labels.shape[1])) > 0
            own.append(dice(drawn, one.labels == STORAGE.value_of(prompts.structure)))
        scores.append(float(np.mean(own)))
    return scores


def _at(
    frame: int, frames: Sequence[int], slices: Sequence[LabeledSlice], scores: Sequence[float]
) -> tuple[list[LabeledSlice], list[float]]:
    chosen = [number for number, its_frame in enumerate(frames) if its_frame == frame]
    return [slices[number] for number in chosen], [scores[number] for number in chosen]


def _volume_means(slices: Sequence[LabeledSlice], scores: Sequence[float]) -> dict[tuple[str, int], float]:
    volumes: dict[tuple[str, int], list[float]] = {}
    for one, score in zip(slices, scores, strict=True):
        volumes.setdefault((one.patient, one.frame), []).append(score)
    return {volume: float(np.mean(own)) for volume, own in volumes.items()}


def _over_volumes(slices: Sequence[LabeledSlice], scores: Sequence[float]) -> float:
    return float(np.mean(list(_volume_means(slices, scores).values())))


def _per_patient(slices: Sequence[LabeledSlice], scores: Sequence[float]) -> dict[str, float]:
    means = _volume_means(slices, scores)
    names = sorted({name for name, _frame in means})
    return {name: float(np.mean([mean for (its, _f), mean in means.items() if its == name])) for name in names}


def _size(embedding: Mapping[str, Array]) -> int:
    return int(embedding["fine"].shape[-1])


def _resized(embedding: Mapping[str, Array], size_px: int) -> Mapping[str, Array]:
    """Cut or continued around the middle, where the heart is."""
    resized = {}
    for name, array in embedding.items():
        wanted = size_px * array.shape[-1] // _size(embedding)
        less = (array.shape[-1] - wanted) // 2
        if less > 0:
            resized[name] = np.ascontiguousarray(array[:, less : less + wanted, less : less + wanted])
        else:
            around = (-less, wanted - array.shape[-1] + less)
            resized[name] = np.pad(array, ((0, 0), around, around), mode="edge")
    return resized


def page(result: dict[str, Any]) -> str:
    rows = result["rows"]
    return f"""# A fault of an embedding cache, repeated and corrected

Written by `{result["command"]}` ([shapes.py](scripts/shapes.py) beside it makes the start), never by hand; the
figures are in [cache-bug.json](cache-bug.json). Research use only.

Stein 2023 fine-tuned the mask decoder of SAM with kept embeddings. The public code of that thesis names an embedding
by patient and slice. Then end-diastole and end-systole of a slice share one, and the first random view of a slice
is reused with the contours and prompts of all later, other views. The thesis found that fine-tuning without boxes made
the model worse; the question is whether the fault explains it. CardioSAM keeps embeddings by what was encoded, so
neither can happen; the faulty way lives in the script only.

**What was done.** The frozen encoder is a network that ships (`{result["start"]["encoder"]}`) with necks trained on
shapes, which takes SAM's place: no official checkpoint could be had here. The decoder starts from
{result["start"]["steps"]} steps on made-up blobs and rings and has never seen a heart: the counterpart of SAM before
fine-tuning. It is not told which structure is meant. Recipe `decoder` (Adam 1e-4, batch 1, 2 points, 1 on each other
structure, with and without box), but {result["epochs"]} epochs instead of 100, on {result["slices_trained_on"]} slices
of {result["patients_trained_on"]} patients; a new view of each slice in every epoch; the last epoch is taken. All is
equal but the keys. Tested on all {result["slices"]} slices with contours of {result["patients"]} patients not trained
on; prompts from the reference; each structure by itself; mean Dice over structures, slices, then volumes. One run
each: differences of 0.01 are not to be read into.

| prompts | fine-tuned with keys of | tested with keys of | Dice | ED | ES | change by fine-tuning (95 % CI, patients) |
|---|---|---|---|---|---|---|
{chr(10).join(_line(row, rows) for row in rows)}

{_verdict(rows)}
"""


def _line(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    trained = row["trained_with"] or "not fine-tuned"
    prompts = "points, box" if row["box"] else "points"
    values = " | ".join(f"{row[key]:.3f}" for key in ("dice", "dice_ed", "dice_es"))
    return f"| {prompts} | {trained} | {row['tested_with']} | {values} | {_change(row, rows)} |"


def _change(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    if row["trained_with"] is None:
        return ""
    before = _row(rows, row["box"], None, row["tested_with"])
    names = sorted(row["per_patient"])
    compared = compare_paired(
        np.array([row["per_patient"][name] for name in names]),
        np.array([before["per_patient"][name] for name in names]),
        SEED,
    )
    return f"{compared.mean_difference:+.3f} ({compared.ci[0]:+.3f} to {compared.ci[1]:+.3f})"


def _row(rows: Sequence[dict[str, Any]], box: bool, trained: str | None, tested: str) -> dict[str, Any]:
    (found,) = [r for r in rows if (r["box"], r["trained_with"], r["tested_with"]) == (box, trained, tested)]
    return found


def _verdict(rows: Sequence[dict[str, Any]]) -> str:
    """What the table says of the thesis' finding, in words that follow from its figures."""
    sentences = []
    for box in (True, False):
        faulty, right = TRAINED_WITH
        before = _row(rows, box, None, faulty)["dice"]
        after = _row(rows, box, faulty, faulty)["dice"]
        clean_before, clean_after = _row(rows, box, None, right)["dice"], _row(rows, box, right, right)["dice"]
        moved, clean = ("up" if after > before else "down"), ("up" if clean_after > clean_before else "down")
        sentences.append(
            f"{'With' if box else 'Without'} boxes, the fault in training and test as in the thesis takes Dice {moved} "
            f"from {before:.3f} to {after:.3f}; without the fault it goes {clean} from {clean_before:.3f} to "
            f"{clean_after:.3f}."
        )
    return "**What it says.** " + " ".join(sentences)


if __name__ == "__main__":
    main()
