"""Plain command lines of operations, read without typer, which takes longer to load and to check its parameters than a
small job takes.

Plain is a line without a mistake, in which every option is a word of its own. Whatever else there is typer reads, which
knows what to say of it; its parameters (``arguments``) are what a plain line is read by here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pdfsmaller.cli.bounds import LIMITS
from pdfsmaller.cli.names import PASSWORD_FILE, flag
from pdfsmaller.engine.values import read as read_value
from pdfsmaller.operations import OperationSpec


def read(operation: OperationSpec, words: Sequence[str]) -> dict[str, Any] | None:
    """The parameters of an operation's command, as typer gives them; None for a line that is not plain."""
    known, read = _known(operation)
    left, seen, inputs = list(reversed(words)), set(), []
    while left:
        word = left.pop()
        if not word.startswith("-"):
            inputs.append(word)
            continue
        name, kind = known.get(word, ("", None))
        value = kind if isinstance(kind, bool) else _value(kind, left.pop()) if kind and left else None
        if value is None or name in seen:
            return None
        seen.add(name)
        read[name] = value
    target = "output_dir" if operation.several_results else "output"
    if not all([inputs, *inputs, read[target] or (operation.each_alone and not operation.several_results)]):
        return None
    return read | {"inputs": inputs}


def _known(operation: OperationSpec) -> tuple[dict[str, tuple[str, Any]], dict[str, Any]]:
    """The words for parameters, each with its parameter and the type of what follows it, or what it makes of a flag;
    and the parameters as they are without being given.
    """
    options = operation.options
    known = {"--json": ("as_json", True), "--quiet": ("quiet", True), "-q": ("quiet", True)}
    read: dict[str, Any] = {"as_json": False, "quiet": False}
    kinds: dict[str, tuple[str, Any]] = {flag(name): (name, kind) for name, kind in LIMITS.items()}
    if not operation.several_results:
        kinds |= dict.fromkeys(("--output", "-o"), ("output", Path))
    if operation.several_results or operation.each_alone:
        kinds["--output-dir"] = ("output_dir", Path)
    for name in options.names():
        if options.is_secret(name):
            kinds["--password-file"] = (PASSWORD_FILE, Path)
        elif options.is_flag(name):
            read[name] = options.default(name)
            known |= {flag(name): (name, True)} | ({flag(f"no_{name}"): (name, False)} if read[name] else {})
        elif not options.shown(name).per_input:
            kinds[flag(name)] = (name, str)  # the options' own check says what is allowed
    return known | kinds, read | dict.fromkeys(name for name, _ in kinds.values())


def _value(kind: Any, word: str) -> Any:
    """What a word says; None where it may be meant otherwise or says nothing."""
    if not word or (word.startswith("-") and word != "-"):
        return None
    if kind is Path:
        return Path(word)
    try:
        value = read_value(kind, word)
    except ValueError:
        return None
    return value if kind is str or value >= 1 else None
