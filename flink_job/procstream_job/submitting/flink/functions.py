"""Python functions that queries may call: found, imported and checked before a job is submitted."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from procstream_job.language.mistakes import PlacedError, did_you_mean


class FunctionError(PlacedError):
    """A Python function of a pipeline file cannot be used."""


@dataclass(frozen=True)
class Function:
    """A function under the name that queries call it by."""

    name: str
    udf: Any
    file: Path | None
    """The module's file if it is beside the pipeline file: it is sent with the job."""


def check_modules(functions: Sequence[str], folder: Path | None) -> None:
    """Look for the modules without running them; `folder` is that of the pipeline file.

    Raises:
        FunctionError: one does not exist.
    """
    with _importable(folder):
        for index, function in enumerate(functions):
            _find_module(function.partition(":")[0], folder, f"functions[{index}]")


def load_functions(functions: Sequence[str], folder: Path | None) -> list[Function]:
    """Import them.

    Raises:
        FunctionError: a module cannot be imported, or has no PyFlink function of that name.
    """
    with _importable(folder):
        return [_load(function, folder, f"functions[{index}]") for index, function in enumerate(functions)]


@contextmanager
def _importable(folder: Path | None) -> Iterator[None]:
    if folder is None:
        yield
        return
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _load(function: str, folder: Path | None, place: str) -> Function:
    from pyflink.table.udf import UserDefinedFunctionWrapper

    module_name, _, name = function.partition(":")
    file = _find_module(module_name, folder, place)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the user's module does
        raise FunctionError(
            f"{place}: importing {module_name} failed: {type(error).__name__}: {error}"
        ) from error
    found = getattr(module, name, None)
    if found is None:
        hint = did_you_mean(name, (known for known in vars(module) if not known.startswith("_")))
        raise FunctionError(f"{place}: module {module_name} has no {name!r}{hint.removesuffix(';')}")
    if not isinstance(found, UserDefinedFunctionWrapper):
        raise FunctionError(
            f"{place}: {function} is a {type(found).__name__}; expected a function with PyFlink's decorator,"
            " such as @udf(result_type='BOOLEAN')"
        )
    own = file if folder is not None and file is not None and folder in file.parents else None
    return Function(name, found, own)


def _find_module(name: str, folder: Path | None, place: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    if spec is None:
        beside = f"{folder / name.split('.')[0]}.py, or " if folder else ""
        raise FunctionError(f"{place}: there is no module {name!r}; expected {beside}an installed package")
    return Path(spec.origin) if spec.origin else None
