"""The house stands: imports only go down. Read off the imports, those inside functions included."""

import ast
import functools
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from safe_files import REPO

NO_CODE = {"data", "checkpoints", "results"}  # what the commands make


def find_modules(root: Path) -> dict[str, Path]:
    """The modules under `root` by their dotted names."""
    modules = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[0] in NO_CODE or any(part.startswith(".") for part in parts):
            continue
        if parts[-1] == "__init__":
            parts = parts[:-1]
        modules[".".join(parts)] = path
    return modules


def find_imports(root: Path) -> dict[str, set[str]]:
    """For each module the modules of the pack that it imports anywhere in its code."""
    modules = find_modules(root)
    imports = {}
    for name, path in modules.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imports[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for imported in imported_names(node, package):
                while imported and imported not in modules:
                    imported = imported.rpartition(".")[0]  # a name in a module, or a foreign one
                if imported:
                    imports[name].add(imported)
        imports[name].discard(name)
    return imports


def imported_names(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = []
        if node.level:  # from . import name
            parents = package.split(".")
            above = parents[: len(parents) - node.level + 1]
        base = [*above, node.module or ""]
        return [".".join(filter(None, [*base, alias.name])) for alias in node.names]
    return []


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """The names on one cycle of a graph; [] if it has none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@functools.cache
def imports() -> dict[str, set[str]]:
    """The imports of the pack, without its tests."""
    found = find_imports(REPO)
    return {name: found[name] for name in found if name.partition(".")[0] != "tests"}


def room(module: str) -> str:
    """math_agent, task_selection, laptop, examples, data_augment.training, ... or a root module."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "data_augment" else parts[0]


def arrows() -> dict[str, set[str]]:
    """Which room imports which other one."""
    graph: dict[str, set[str]] = {}
    for name, imported in imports().items():
        others = {room(other) for other in imported} - {room(name)}
        graph.setdefault(room(name), set()).update(others)
    return graph


def test_no_modules_import_each_other():
    assert cycle(imports()) == []


def test_no_rooms_import_each_other():
    assert cycle(arrows()) == []


def test_no_folders_import_each_other():
    folders: dict[str, set[str]] = {}
    for name, imported in imports().items():
        folder = name.partition(".")[0]
        others = {other.partition(".")[0] for other in imported}
        folders.setdefault(folder, set()).update(others - {folder})
    assert cycle(folders) == []


def test_no_module_imports_a_command():
    commands = {name for name in imports() if (REPO / f"{name}.py").exists()}
    assert len(commands) >= 4
    for name, imported in imports().items():
        assert not imported & commands, name


def test_nobody_imports_the_laptop_or_the_examples():
    for importer, imported in arrows().items():
        assert not imported & {"laptop", "examples"}, importer


def test_what_people_edit_knows_nothing_of_the_machinery():
    assert arrows()["math_agent"] == set()
    assert arrows()["task_selection"] == {"safe_files"}
    assert arrows()["safe_files"] == set()


@pytest.mark.parametrize(
    "statement",
    [
        "import b",
        "from b import thing",
        "def function():\n    import b.inner",
        "def function():\n    from . import b",
        "if 1:\n    from b.inner import thing",
    ],
)
def test_a_cycle_is_seen_wherever_the_import_stands(tmp_path, statement):
    (tmp_path / "b").mkdir()
    (tmp_path / "a.py").write_text(statement)
    (tmp_path / "b/__init__.py").write_text("from b.inner import thing")
    (tmp_path / "b/inner.py").write_text("thing = 0\ndef function():\n    import a")
    assert set(cycle(find_imports(tmp_path))) >= {"a", "b.inner"}
    (tmp_path / "b/inner.py").write_text("thing = 0")
    assert cycle(find_imports(tmp_path)) == []
