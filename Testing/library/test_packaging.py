"""What leaves the repository is complete: Slicer's CMake lists, the wheel, the catalogue's files, the index entry."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "CardioSAMLib"


def listed(cmake_file: Path, variable: str) -> set[str]:
    found = re.search(rf"set\({variable}\s+(.*?)\)", cmake_file.read_text(encoding="utf-8"), re.S)
    assert found, f"{cmake_file} sets no {variable}"
    return set(found.group(1).split())


def quoted(cmake_file: Path, variable: str) -> str:
    found = re.search(rf'^set\({variable} "(.*)"\)$', cmake_file.read_text(encoding="utf-8"), re.M)
    assert found, f"{variable} is not one quoted string on one line"
    return found.group(1)


def on_disk(folder: Path, relative_to: Path, keep) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(relative_to).as_posix() for path in files if keep(path)}


def test_slicer_packages_every_python_file_of_the_library():
    assert listed(LIBRARY / "CMakeLists.txt", "CARDIOSAMLIB_PYTHON_SCRIPTS") == on_disk(
        LIBRARY, LIBRARY, lambda path: path.suffix == ".py"
    )


def test_slicer_packages_every_other_file_of_the_library():
    def is_data(path):
        return path.suffix != ".py" and path.name != "CMakeLists.txt"

    assert listed(LIBRARY / "CMakeLists.txt", "CARDIOSAMLIB_PYTHON_RESOURCES") == on_disk(LIBRARY, LIBRARY, is_data)


def test_slicer_packages_every_shared_resource():
    assert listed(ROOT / "CMakeLists.txt", "CARDIOSAM_SHARED_RESOURCES") == on_disk(
        ROOT / "Resources", ROOT, lambda _: True
    )


def test_the_index_entry_agrees_with_cmake():
    entry = json.loads((ROOT / "CardioSAM.json").read_text(encoding="utf-8"))
    assert f"project({ROOT.joinpath('CardioSAM.json').stem})" in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert entry["category"] == quoted(ROOT / "CMakeLists.txt", "EXTENSION_CATEGORY") == "Cardiac"
    assert entry["scm_url"].removesuffix(".git") == quoted(ROOT / "CMakeLists.txt", "EXTENSION_HOMEPAGE")
    assert entry["build_dependencies"] == []
    assert quoted(ROOT / "CMakeLists.txt", "EXTENSION_DEPENDS") == "NA"


@pytest.mark.parametrize("variable", ["EXTENSION_ICONURL", "EXTENSION_SCREENSHOTURLS"])
def test_the_pictures_of_the_index_are_in_the_repository(variable):
    for url in quoted(ROOT / "CMakeLists.txt", variable).split():
        assert (ROOT / url.split("/main/", 1)[1]).is_file()


def test_default_weights_stay_small():
    models = list((ROOT / "Resources" / "Models").glob("*.onnx"))
    assert models
    assert all(path.stat().st_size <= 10 * 2**20 for path in models)


def test_no_dependency_at_run_time_is_torch_or_gpl():
    tomllib = pytest.importorskip("tomllib", reason="reading pyproject.toml needs Python 3.11")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=\[ ]", entry)[0].lower() for entry in project["dependencies"]}
    assert not names & {"torch", "torchvision", "kmedoids", "pingouin", "mealpy", "pylibjpeg-libjpeg"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_code_and_resources_and_runs_from_there(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path)
    resources = on_disk(ROOT / "Resources", ROOT, lambda _: True)
    assert {f"CardioSAMLib/{name}" for name in resources} <= names
    assert on_disk(LIBRARY, ROOT, lambda path: path.name != "CMakeLists.txt") <= names
    code = "from CardioSAMLib.resources import *; card = find_model(DEFAULT_MODEL_ID); print(card.path)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert Path(done.stdout.strip()) == tmp_path / "CardioSAMLib" / "Resources" / "Models" / "cardiosam-unet25d-3.onnx"
