"""The house rules of imports: they go down the floors only, and nothing heavy is loaded by importing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "CardioSAMLib"
FLOOR_OF = {
    "cine": 0,
    "crops": 0,
    "extras": 0,
    "labels": 0,
    "prompts": 0,
    "progress": 0,
    "resources": 0,
    "io": 1,
    "analysis": 3,
}
ROOMS = {"segmentation", "function", "quality", "report", "evaluation", "networks", "training"}
NEIGHBORS = {
    "training": {"networks", "evaluation"},
    "segmentation": {"networks"},
    "report": {"function", "quality"},
}
AT_FILE_SCOPE = {"networks": {"torch"}, "training": {"torch"}, "mrml": {"slicer", "vtk"}}
"""What these rooms are about; they are themselves imported inside functions."""
HEAVY = {
    "torch",
    "torchvision",
    "onnxruntime",
    "matplotlib",
    "slicer",
    "vtk",
    "qt",
    "segment_anything",
    "sam2",
    "hydra",
    "omegaconf",
}

FILES = sorted(LIBRARY.rglob("*.py"))


def room_of(module: str) -> str:
    """The part after the package: CardioSAMLib.io.load -> io."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def floor_of(room: str) -> int:
    if room in ROOMS:
        return 2
    if room.startswith("phantom") or room == "":
        return 0
    return FLOOR_OF.get(room, 4)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_go_down_the_floors_only(path):
    here = room_of(module_of(path))
    for name in imports_of(ast.parse(path.read_text(encoding="utf-8"))):
        if not name.startswith("CardioSAMLib"):
            scene = {"qt"} if here == "mrml" else {"slicer", "vtk", "qt"}
            assert name.split(".")[0] not in scene, f"{here} imports {name}"
            continue
        there = room_of(name)
        if there == here or there == "":
            continue
        allowed = floor_of(there) < floor_of(here) or (floor_of(here) in (0, 4) and floor_of(there) == floor_of(here))
        assert allowed or there in NEIGHBORS.get(here, set()), f"{module_of(path)} may not import {name}"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_heavy_packages_are_imported_inside_functions_only(path):
    here = room_of(module_of(path))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    loaded = {
        name.split(".")[0]
        for node in tree.body
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.If)  # an if at file scope: TYPE_CHECKING
        for name in imports_of(node)
    }
    forbidden = loaded & (HEAVY - AT_FILE_SCOPE.get(here, set()))
    assert not forbidden, f"{module_of(path)} loads {forbidden}"


def test_importing_the_spine_loads_neither_torch_nor_onnxruntime_nor_matplotlib():
    code = f"import sys, CardioSAMLib.analysis, CardioSAMLib.cli;print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=LIBRARY.parent)
    assert done.stdout.strip() == "[]"
