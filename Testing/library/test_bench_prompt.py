"""Claims about `cardiosam bench prompt`: whom it times on what, its JSON, its ratios, its sentences."""

import json
import sys
import time

import numpy as np
import pytest

from CardioSAMLib import bench_prompt, bench_promptable
from CardioSAMLib.bench_prompt import measure_prompting
from CardioSAMLib.bench_promptable import OFFICIAL_ID, Contender, contenders
from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.cli import main
from CardioSAMLib.labels import Structure
from CardioSAMLib.resources import DEFAULT_MODEL_ID, DEFAULT_PROMPTABLE_ID


class Sleeper:
    """Takes a given time for a slice and, per structure, for a click; the first of each takes much longer."""

    def __init__(self, encode_s, click_s):
        self.encode_s, self.click_s = encode_s, click_s
        self.encoded, self.clicked, self.forgotten = [], [], 0

    def forget(self):
        self.forgotten += 1

    def encode(self, slice_number):
        time.sleep(self.encode_s if self.encoded else 0.3)
        self.encoded.append(slice_number)

    def click(self, prompts):
        time.sleep(self.click_s * len(prompts.structures) if self.clicked else 0.3)
        self.clicked.append(prompts)


@pytest.fixture(autouse=True)
def few_clicks(monkeypatch):
    monkeypatch.setattr(bench_prompt, "_CLICKS_PER_ROUND", 2)


@pytest.fixture
def sleepers(monkeypatch):
    """A quick model and a slow "official" one; no process is started for their memory."""
    made = {"quick": Sleeper(0.002, 0.001), OFFICIAL_ID: Sleeper(0.02, 0.002)}
    chosen = tuple(Contender(one, "sleep", lambda *_, one=one: made[one]) for one in made)
    monkeypatch.setattr(bench_prompt, "contenders", lambda _names: chosen)
    monkeypatch.setattr(bench_prompt, "_peak_alone_mb", lambda *_: 12.5)
    return made


@pytest.fixture
def without_torch(monkeypatch):
    monkeypatch.setattr(bench_promptable, "find_spec", lambda _name: None)


@pytest.fixture
def run(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["cardiosam", "bench", "prompt", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def test_times_are_in_milliseconds_without_the_warm_up_and_the_ratio_is_to_the_official_encoder(sleepers):
    timings = measure_prompting(None, None)
    quick, official = timings.models["quick"], timings.models[OFFICIAL_ID]
    assert 2.0 <= quick.encode_ms_median < 20.0
    assert 20.0 <= official.encode_ms_median < 200.0
    assert quick.encode_ratio_to_vit_b_1024 == pytest.approx(official.encode_ms_median / quick.encode_ms_median)
    assert official.encode_ratio_to_vit_b_1024 == 1.0
    assert 1.0 <= quick.click_ms_median <= quick.click_ms_p95 < 300.0
    assert 3.0 <= quick.click_three_ms_median <= quick.click_three_ms_p95 < 300.0
    assert sleepers["quick"].forgotten == len(sleepers["quick"].encoded) == quick.encodes + 1


def test_clicks_lie_on_several_slices_and_places_alone_and_for_all_structures(sleepers):
    measure_prompting(None, None)
    model = sleepers["quick"]
    assert len(set(model.encoded)) > 3
    alone = [prompts.structures[0] for prompts in model.clicked if len(prompts.structures) == 1]
    together = [prompts for prompts in model.clicked if len(prompts.structures) == 3]
    assert len(alone) == len(together)
    assert {own.structure for own in alone} <= set(Structure)
    assert len({own.structure for own in alone}) > 1
    assert all(len(own.points) == 1 and own.box is None for own in alone)
    assert all(
        len(own.positives) == 2 and len(own.negatives) == 2 and own.box for one in together for own in one.structures
    )
    assert len({own.points for own in alone}) > 10


@pytest.mark.usefixtures("sleepers")
def test_a_model_that_is_slow_encodes_thrice_and_a_quick_one_in_each_round(monkeypatch):
    monkeypatch.setattr(bench_prompt, "_SLOW_S", 0.1)  # of the warm-up, which takes 0.3 s
    timings = measure_prompting(None, None)
    assert {timing.encodes for timing in timings.models.values()} == {3}
    monkeypatch.setattr(bench_prompt, "_SLOW_S", 5.0)
    assert measure_prompting(None, None).models["quick"].encodes == 15


@pytest.mark.usefixtures("without_torch")
def test_without_torch_the_shipped_model_is_timed_and_has_no_ratio(run, tmp_path):
    code, out, err = run("--json", tmp_path / "figures" / "prompt.json")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    figures = json.loads((tmp_path / "figures" / "prompt.json").read_text())
    assert list(figures["models"]) == [DEFAULT_PROMPTABLE_ID]
    timing = figures["models"][DEFAULT_PROMPTABLE_ID]
    assert {"encode_ms_median", "click_ms_median", "click_ms_p95", "runtime", "encode_ratio_to_vit_b_1024"} <= set(
        timing
    )
    assert timing["runtime"] == "onnxruntime"
    assert timing["encode_ratio_to_vit_b_1024"] is None
    assert timing["encode_ms_median"] > 1.0
    assert timing["peak_rss_mb"] > 50.0


def test_a_sam_architecture_of_random_weights_encodes_and_answers(tmp_path):
    pytest.importorskip("segment_anything")
    chosen = contenders("vit_b@224")
    assert [one.id for one in chosen] == ["sam-vit_b-224", OFFICIAL_ID]
    study = bench_prompt._study(None, lambda *_: None)
    model = chosen[0].made(study.cine, study.region, tmp_path)
    taken = bench_prompt._round(model, study, 0, clicks=2)
    assert [len(part) for part in (taken.encode, taken.click, taken.click_three)] == [1, 2, 2]
    assert taken.encode[0] > np.median(taken.click)


def test_the_usual_models_are_those_of_the_catalogue_and_vit_b():
    pytest.importorskip("segment_anything")
    usual = [one.id for one in contenders(None)]
    assert usual == [DEFAULT_PROMPTABLE_ID, "sam-vit_b-1024", "sam-vit_b-256", OFFICIAL_ID]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("nonsense", "There is no model 'nonsense'"),
        (DEFAULT_MODEL_ID, "takes no prompts"),
        ("vit_b@100", "An input of 100 px is not possible"),
    ],
)
def test_names_that_cannot_be_timed_end_with_2_and_one_sentence(names, sentence, run):
    pytest.importorskip("segment_anything")
    code, out, err = run("--models", names)
    assert (code, out) == (2, "")
    assert sentence in err


@pytest.mark.usefixtures("without_torch")
def test_sam_without_torch_is_refused_with_what_to_install():
    with pytest.raises(UnusableInput, match=r"pip install '\.\[torch\]'"):
        contenders("vit_b")
