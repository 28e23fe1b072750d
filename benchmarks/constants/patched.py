"""A module of the engine with one constant set to another value, as if its source said so.

The source is changed as it is loaded: defaults of parameters and names imported elsewhere follow.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType


def install(name: str, value: float) -> None:
    """From now on the constant is this one (``pdfsmaller.engine.images.weigh.PRICE``).

    Raises:
        ValueError: the module is loaded already.
    """
    module, _, constant = name.rpartition(".")
    if module in sys.modules:
        raise ValueError(f"{module} is loaded already")
    sys.meta_path.insert(0, _Finder(module, constant, value))


def value_in(source: str, constant: str) -> float:
    """The number that a module's source gives a constant.

    Raises:
        ValueError: it gives none.
    """
    place = _place(ast.parse(source), constant)
    return float(ast.literal_eval(place))


class _Finder(MetaPathFinder):
    def __init__(self, module: str, constant: str, value: float) -> None:
        self.module, self.constant, self.value = module, constant, value

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname == self.module else None
        if spec and spec.origin:
            spec.loader = _Loader(fullname, spec.origin, self.constant, self.value)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, module: str, path: str, constant: str, value: float) -> None:
        super().__init__(module, path)
        self.constant, self.value = constant, value

    def get_code(self, fullname: str) -> CodeType:
        tree = ast.parse(self.get_data(self.path))
        place = _place(tree, self.constant)
        place.value = self.value
        return compile(tree, self.path, "exec")


def _place(tree: ast.Module, constant: str) -> ast.Constant:
    """Where the constant's value stands."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for name, value in _pairs(statement.targets[0], statement.value):
                if isinstance(name, ast.Name) and name.id == constant and isinstance(value, ast.Constant):
                    return value
    raise ValueError(f"no number is given to {constant}")


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]
