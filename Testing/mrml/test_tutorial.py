"""The tutorial tells the truth: its code runs, and its numbers are those that its script has measured."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from CardioSAMLib.phantom import make_phantom

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "tutorial.md").read_text(encoding="utf-8")
NUMBERS = json.loads((DOCS / "tutorial.json").read_text(encoding="utf-8"))
OF_SLICER = {"CardioSAM", "Cardiac", "Segment Editor"}


@pytest.mark.usefixtures("scene")
def test_the_code_of_the_tutorial_gives_its_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARDIOSAM_CACHE", str(tmp_path / "cache"))
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names = {}
    for block in blocks:
        exec(compile(block, "tutorial.md", "exec"), names)
    printed = [float(number) for number in re.findall(r"-?\d+\.\d", capsys.readouterr().out)]
    drawn, clicked = NUMBERS["drawn"], NUMBERS["clicked"]
    assert printed == pytest.approx([drawn["ef_percent"], drawn["edv_ml"], clicked["ef_percent"]], abs=0.2)
    assert (tmp_path / "RESULT" / "report.html").exists()


def test_its_click_is_the_one_of_the_script():
    click = NUMBERS["click"]
    assert f"(volume, ({click['slice']}, {click['row_px']}, {click['column_px']}))" in PAGE
    assert f"at row {click['row_px']} and column {click['column_px']} of slice {click['slice']}" in PAGE


def test_its_numbers_are_the_measured_ones():
    text = " ".join(PAGE.split())
    drawn, clicked = NUMBERS["drawn"], NUMBERS["clicked"]
    assert (
        f"{drawn['edv_ml']} mL at end-diastole (frame {drawn['ed_frame']}) and {drawn['esv_ml']} mL at end-systole "
        f"(frame {drawn['es_frame']}): an ejection fraction of {drawn['ef_percent']} %"
    ) in text
    before, after = clicked["lv_dice_of_the_slice"]
    assert f"from {before} to {after}" in text
    assert f"is now {clicked['edv_ml']} mL and the ejection fraction {clicked['ef_percent']} %" in text
    assert f"leaves the ejection fraction at {NUMBERS['propagated']['ef_percent']} %" in text
    assert f"frames found ({drawn['ed_frame']} and {drawn['es_frame']})" in text
    assert f"One apical slice is worth {drawn['edv_ml'] - clicked['edv_ml']:.0f} mL" in text


def test_the_true_values_it_tells_are_those_of_the_phantom():
    truth = make_phantom().truth.lv
    assert f"LV: {truth.edv_ml:.0f} mL at end-diastole, EF {truth.ef_percent:.0f} %" in PAGE


def test_what_it_says_to_press_is_in_the_panel():
    ui = ElementTree.parse(DOCS.parent / "CardioSAM" / "Resources" / "UI" / "CardioSAM.ui")
    panel = {(text.text or "").removesuffix(":") for text in ui.iter("string")}
    named = set(re.findall(r"(?<!\*)\*(?!\*)([^*>\n]{2,25})\*(?!\*)", PAGE)) - OF_SLICER
    assert len(named) >= 12
    assert named <= panel


def test_its_sections_are_those_of_the_panel():
    ui = ElementTree.parse(DOCS.parent / "CardioSAM" / "Resources" / "UI" / "CardioSAM.ui")
    panel = {text.text for text in ui.iter("string") if re.match(r"\d\. ", text.text or "")}
    assert set(re.findall(r"\*\*(\d\. [^*]+)\*\*", PAGE)) == panel
