import ast
from pathlib import Path

import nbformat
import pytest
from nbconvert.preprocessors import ExecutePreprocessor

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def code_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_is_a_notebook():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_stored_and_nothing_is_defined(path):
    """What is worth defining belongs into the package, where it is tested."""
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in code_of(notebook))
    source = "\n".join(cell.source for cell in code_of(notebook))
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, DEFINITIONS)]
    assert "vpnet" in source


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    executor = ExecutePreprocessor(timeout=300, kernel_name="python3")
    executor.preprocess(notebook, {"metadata": {"path": str(tmp_path)}})
    for cell in code_of(notebook):
        kinds = {output.output_type for output in cell.outputs}
        assert kinds, "every cell shows something"
        assert "error" not in kinds
        streams = [output for output in cell.outputs if output.output_type == "stream"]
        assert not [stream.text for stream in streams if stream.name == "stderr"]
