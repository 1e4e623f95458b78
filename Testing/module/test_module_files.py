"""What shows in the module's files without running them: names that must agree, strings that must be translated."""

import ast
import re
import struct
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ROOT / "CardioSAM" / "Resources"
SOURCE = (ROOT / "CardioSAM" / "CardioSAM.py").read_text(encoding="utf-8")
TREE = ast.parse(SOURCE)
UI = ElementTree.parse(RESOURCES / "UI" / "CardioSAM.ui")
SHOWN = {"text", "toolTip", "title", "helpText", "acknowledgementText"}


def class_named(name):
    return next(node for node in TREE.body if isinstance(node, ast.ClassDef) and node.name == name)


def is_translation(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_"


def test_the_panel_uses_only_widgets_that_its_ui_file_has():
    used = set(re.findall(r"self\.ui\.(\w+)", SOURCE))
    assert used
    assert used <= {widget.get("name") for widget in UI.iter("widget")}


def test_each_choice_is_bound_to_one_widget():
    by_hand = ["modelId", "promptModelId"]  # Slicer binds a text to a combo box only where the choices never change
    (bound,) = [
        ast.literal_eval(node.value)
        for node in TREE.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "BOUND"
    ]
    assert set(bound.values()) <= {widget.get("name") for widget in UI.iter("widget")}
    assert not [each for each in UI.iter("property") if each.get("name") == "SlicerParameterName"]
    choices = [node.target.id for node in class_named("CardioSAMParameterNode").body if isinstance(node, ast.AnnAssign)]
    assert sorted([*bound, *by_hand]) == sorted(choices)


def test_texts_are_translated_before_they_are_formatted():
    calls = [node for node in ast.walk(TREE) if is_translation(node)]
    assert len(calls) > 15
    for call in calls:
        assert isinstance(call.args[0], ast.Constant), f"line {call.lineno}: {ast.unparse(call)}"


def test_every_text_of_our_own_on_the_screen_is_translated():
    for node in ast.walk(TREE):
        if not (isinstance(node, ast.Assign) and getattr(node.targets[0], "attr", None) in SHOWN):
            continue
        translated = {id(call.args[0]) for call in ast.walk(node) if is_translation(call)}
        texts = [
            part for part in ast.walk(node.value) if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]
        assert all(id(text) in translated for text in texts), f"line {node.lineno}: {ast.unparse(node)}"


def test_opening_the_module_imports_nothing_but_python_and_slicer():
    loaded = set()
    for node in TREE.body:
        if isinstance(node, ast.Import):
            loaded |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            loaded.add(node.module.split(".")[0])
    assert loaded - set(sys.stdlib_module_names) == {"qt", "slicer", "vtk"}


def test_slicer_installs_what_the_library_declares():
    tomllib = pytest.importorskip("tomllib", reason="reading pyproject.toml needs Python 3.11")
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    lines = (RESOURCES / "requirements.txt").read_text(encoding="utf-8").splitlines()
    requirements = {line for line in lines if not line.startswith("#")}
    # Slicer brings the others, and replacing them breaks it; typer and rich serve the command line only, and tomli
    # older Pythons than Slicer's.
    brought = {"numpy", "scipy", "SimpleITK", "pydicom", "typer", "rich", "tomli"}
    assert requirements == {entry for entry in declared if re.split(r"[<>=]", entry)[0] not in brought}


def test_the_icon_has_the_size_that_the_index_asks_for():
    header = (RESOURCES / "Icons" / "CardioSAM.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (128, 128)


@pytest.mark.parametrize("path", sorted((ROOT / "CardioSAM").rglob("*")), ids=lambda path: path.name)
def test_text_files_end_their_lines_as_the_index_asks(path):
    if path.suffix in {".py", ".ui", ".txt"}:
        assert b"\r" not in path.read_bytes()
