"""What 3D Slicer's extension index checks before it lists an extension, and what its reviewers ask.

The rules are those of Slicer/ExtensionsIndex (scripts/check_description_files.py) and of its pull request template,
without the steps that need the network.
"""

import ast
import json
import re
import struct
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
CMAKE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULE = (ROOT / "CardioSAM" / "CardioSAM.py").read_text(encoding="utf-8")
UI = (ROOT / "CardioSAM" / "Resources" / "UI" / "CardioSAM.ui").read_text(encoding="utf-8")
ENTRY = json.loads((ROOT / "CardioSAM.json").read_text(encoding="utf-8"))
REVISION = "https://raw.githubusercontent.com/CardioSAM/SlicerCardioSAM/main/"

# slicer-extension-catalog-entry-schema-v1.0.1.json: every allowed key with its type.
SCHEMA = {
    "$schema": str, "category": str, "scm_url": str, "scm_revision": str, "scm_type": str,
    "build_dependencies": list, "build_subdirectory": str, "enabled": bool, "tier": int,
}  # fmt: skip
REQUIRED = {"$schema", "category", "scm_url"}
LARGEST_CHECKOUT_MB = 100
LARGEST_PICTURE_KB = 200
SOURCE_FOLDERS = ("CardioSAM", "CardioSAMLib", "Resources", "Testing", "docs")
TEXTS = {".cmake", ".csv", ".html", ".json", ".md", ".py", ".toml", ".txt", ".ui"}
README_ORDER = (
    "Install", "Tutorial", "The panel", "Shortcuts", "Models", "Formulas and references", "Batch and console",
    "How good it is", "Troubleshooting", "For developers", "Cite", "License", "Contact",
)  # fmt: skip


def extension(name):
    """The value of an EXTENSION_ variable, as the index reads it: one quoted string on one line."""
    values = re.findall(rf'^set\(EXTENSION_{name} "([^"\n]+)"\)$', CMAKE, re.M)
    assert len(values) == 1, f"CMakeLists.txt must set EXTENSION_{name} once, as one quoted string on one line"
    return values[0]


def file_at(url):
    """The file of this checkout that a URL of the index stands for."""
    assert url.startswith(REVISION), url
    return ROOT / url.removeprefix(REVISION)


def png_size(path):
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n", path
    return struct.unpack(">II", header[16:24])


def sources():
    for folder in SOURCE_FOLDERS:
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.suffix in TEXTS)


def section(title):
    """The text of a section of the README."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found, f"README.md has no section {title}"
    return found.group(1)


def test_the_entry_follows_the_schema_of_the_index():
    assert set(ENTRY) <= set(SCHEMA)
    assert set(ENTRY) >= REQUIRED
    for key, value in ENTRY.items():
        assert type(value) is SCHEMA[key], key
    assert all(isinstance(name, str) for name in ENTRY["build_dependencies"])
    assert ENTRY["tier"] in (1, 3, 5)
    assert ENTRY["$schema"].endswith("/slicer-extension-catalog-entry-schema-v1.0.1.json#")


def test_the_entry_names_a_repository_that_the_index_accepts():
    url = urlsplit(ENTRY["scm_url"])
    assert url.scheme in ("git", "https")
    assert Path(url.path).name == "SlicerCardioSAM.git"
    assert extension("HOMEPAGE") == ENTRY["scm_url"].removesuffix(".git")


def test_project_and_entry_have_one_name_without_slicer_in_it():
    (entry,) = ROOT.glob("*.json")
    assert re.findall(r"project\s*\(\s*([^\s)]+)", CMAKE) == [entry.stem]
    assert not entry.stem.lower().startswith("slicer")


def test_category_and_dependencies_are_the_same_in_entry_cmake_and_module():
    assert extension("CATEGORY") == ENTRY["category"] == "Cardiac"
    assert '"qSlicerAbstractCoreModule", "Cardiac"' in MODULE
    assert extension("DEPENDS") == "NA"
    assert ENTRY["build_dependencies"] == []


def test_the_description_says_in_two_sentences_what_goes_in_and_what_comes_out():
    description = extension("DESCRIPTION")
    assert len(re.findall(r"[.!?](?= |$)", description)) in (1, 2)
    for words in ("cine MR", "jection fraction", "volumes", "mass"):
        assert words in description
    assert extension("CONTRIBUTORS")


def test_the_icon_is_in_the_repository_and_has_the_size_asked_for():
    assert png_size(file_at(extension("ICONURL"))) == (128, 128)


def test_each_screenshot_is_a_small_picture_of_the_repository():
    urls = extension("SCREENSHOTURLS").split()
    assert urls
    for url in urls:
        path = file_at(url)
        assert path.parent == ROOT / "docs" / "images"
        width, height = png_size(path)
        assert width >= 400
        assert height >= 300
        assert path.stat().st_size <= LARGEST_PICTURE_KB * 1000


def test_the_license_lies_in_the_root_and_the_readme_names_it():
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "(LICENSE)" in section("License")
    assert "CC BY-NC-SA 4.0" in section("License")


def test_lines_end_with_lf_alone():
    with_cr = [path.name for path in sources() if path.suffix in TEXTS and b"\r" in path.read_bytes()]
    assert not with_cr


def test_the_checkout_is_smaller_than_the_index_allows():
    assert sum(path.stat().st_size for path in sources()) < LARGEST_CHECKOUT_MB * 1e6


def test_the_module_runs_one_explained_statement_when_it_is_imported():
    definitions = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign)
    run = [node for node in ast.parse(MODULE).body if not isinstance(node, definitions) and not is_text(node)]
    assert [ast.unparse(node) for node in run] == ["_findLibrary()"]
    assert "  # " in MODULE.splitlines()[run[0].lineno - 1]


def test_what_the_module_assigns_when_it_is_imported_is_no_call():
    assigned = [node.value for node in ast.parse(MODULE).body if isinstance(node, ast.Assign)]
    assert not [ast.unparse(value) for value in assigned if any(isinstance(n, ast.Call) for n in ast.walk(value))]


def is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_nothing_installs_torch_by_pip():
    for path in (ROOT / "CardioSAM").rglob("*"):
        if path.suffix in {".py", ".txt"}:
            text = path.read_text(encoding="utf-8")
            assert "pip_install" not in text, path.name
            assert not re.search(r"^torch", text, re.M), path.name


def test_nothing_in_module_or_library_is_unpickled_or_run_from_a_file():
    for folder in ("CardioSAM", "CardioSAMLib"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    name = ast.unparse(node.func)
                    assert name not in {"eval", "exec", "pickle.load", "pickle.loads"}, f"{path.name}: {name}"


def test_the_readme_begins_with_a_sentence_a_picture_and_the_research_use_note():
    introduction = README.split("\n## ")[0]
    title, rest = introduction.split("\n\n", 1)
    assert title == "# CardioSAM"
    assert rest.index("jection fraction") < rest.index("![") < rest.index("Research use only")


def test_the_readme_has_its_sections_in_the_order_of_the_reader():
    titles = re.findall(r"^## (.+)$", README, re.M)
    assert [title for title in titles if title in README_ORDER] == list(README_ORDER)


def test_the_tutorial_says_where_its_data_come_from():
    assert "docs/tutorial.md" in section("Tutorial")
    assert "![" in section("Tutorial")
    tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    assert "Sample Data" in tutorial
    assert tutorial.count("![") >= 5


def test_the_readme_has_a_sentence_for_each_section_of_the_panel():
    titles = re.findall(r"<string>\d\. ([^<]+)</string>", UI)
    assert len(titles) >= 5
    for title in titles:
        assert f"**{title}**" in section("The panel"), title


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_all_shortcuts_are_listed(page):
    (keys,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(MODULE).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SHORTCUTS"
    )
    assert len(keys) >= 10
    listed = re.findall(r"^\| (.+?) \|", (ROOT / page).read_text(encoding="utf-8"), re.M)
    told = {key for cell in listed for key in re.findall(r"`([^`]+)`", cell)}
    assert set(keys) <= told


def test_the_readme_tells_size_license_and_checksum_of_each_model():
    for card in json.loads((ROOT / "Resources" / "Models" / "models.json").read_text(encoding="utf-8"))["models"]:
        files = [card, *([card["decoder"]] if "decoder" in card else [])]
        (row,) = (line for line in section("Models").splitlines() if line.startswith(f"| `{card['id']}`"))
        assert f"{sum(file['bytes'] for file in files) / 1e6:.1f} MB" in row
        assert card["license"] in row
        for file in files:
            assert f"`{file['sha256'][:12]}`" in row


def test_every_picture_of_the_readme_exists():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert png_size(ROOT / picture)
