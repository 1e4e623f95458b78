"""What CMake packages for Slicer: the module's lists, and an installation of the whole extension by the real cmake."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "CardioSAM"
SCRIPTED_MODULES = "lib/Slicer-5.12/qt-scripted-modules"
NEEDED = {"cmake": ("cmake",), "a C++ compiler": ("c++", "g++", "clang++"), "make": ("make",)}


def listed(variable):
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    found = re.search(rf"set\({variable}\s+(.*?)\)", text, re.S)
    assert found, f"CardioSAM/CMakeLists.txt sets no {variable}"
    return set(found.group(1).split())


def files_of(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in files if path.name != "CMakeLists.txt"}


def test_slicer_packages_the_one_script_of_the_module():
    # Slicer takes every other .py file beside it for a module too.
    assert listed("CARDIOSAM_PYTHON_SCRIPTS") == {name for name in files_of(MODULE) if name.endswith(".py")}
    assert listed("CARDIOSAM_PYTHON_SCRIPTS") == {"CardioSAM.py"}


def test_slicer_packages_every_resource_of_the_module():
    assert listed("CARDIOSAM_PYTHON_RESOURCES") == {name for name in files_of(MODULE) if not name.endswith(".py")}


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """The build folder of the extension, configured against the stand-in for Slicer's build tree."""
    for name, commands in NEEDED.items():
        if not any(shutil.which(command) for command in commands):
            pytest.skip(f"configuring the extension needs {name}")
    folder = tmp_path_factory.mktemp("build")
    slicer = ROOT / "Testing" / "stand_ins" / "cmake"
    subprocess.run(["cmake", "-S", ROOT, "-B", folder, f"-DSlicer_DIR={slicer}"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(build, tmp_path_factory):
    """The folder of scripted modules, installed by the component that Slicer packages."""
    prefix = tmp_path_factory.mktemp("install")
    command = ["cmake", "--install", build, "--prefix", prefix, "--component", "RuntimeLibraries"]
    subprocess.run(command, check=True, capture_output=True)
    return prefix / SCRIPTED_MODULES


def test_the_installation_holds_module_library_and_resources(installed):
    library = {f"CardioSAMLib/{name}" for name in files_of(ROOT / "CardioSAMLib")}
    shared = {f"CardioSAMLib/Resources/{name}" for name in files_of(ROOT / "Resources")}
    assert files_of(installed) == files_of(MODULE) | library | shared


def test_the_shared_resources_are_in_the_build_tree_too(build):
    assert files_of(build / SCRIPTED_MODULES / "CardioSAMLib" / "Resources") == files_of(ROOT / "Resources")


def test_the_installed_library_finds_its_model(installed):
    code = (
        "import json, CardioSAMLib.analysis as analysis, CardioSAMLib.resources as resources;"
        "card = resources.find_model(resources.DEFAULT_MODEL_ID);"
        "print(json.dumps([analysis.__file__, str(card.path), resources.sha256_of(card.path) == card.sha256]))"
    )
    # First in the path, and without the environment's: an editable installation of this checkout must not be found.
    done = subprocess.run(
        [sys.executable, "-E", "-c", f"import sys; sys.path.insert(0, {str(installed)!r}); {code}"],
        cwd=installed.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    library, model, intact = json.loads(done.stdout)
    assert Path(library) == installed / "CardioSAMLib" / "analysis.py"
    assert Path(model).parent == installed / "CardioSAMLib" / "Resources" / "Models"
    assert intact


def test_the_self_test_is_registered(build):
    done = subprocess.run(["ctest", "-N"], cwd=build, capture_output=True, text=True, check=True)
    assert "py_CardioSAM" in done.stdout
