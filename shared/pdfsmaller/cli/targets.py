"""Where results go: settled before anything starts, so that nothing is overwritten that is still to be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pdfsmaller.cli.errors import UsageError


def one_target(output: Path) -> Path:
    """The target of one result.

    Raises:
        UsageError: it is a folder.
    """
    if output.is_dir():
        raise UsageError(f"-o {output} is a folder; name a file in it.")
    return output


def targets_of(inputs: Sequence[Path], output: Path | None, output_dir: Path | None) -> list[Path]:
    """Where each input's one result goes.

    Raises:
        UsageError: nowhere, twice the same place, or over another input.
        OSError: the folder cannot be made.
    """
    if (output is None) == (output_dir is None):
        raise UsageError("Say where the result goes: -o FILE, or --output-dir DIR (one of the two).")
    if output is not None:
        if len(inputs) > 1:
            raise UsageError("-o takes the result of one input; use --output-dir DIR for several.")
        if output.is_dir():
            raise UsageError(f"-o {output} is a folder; use --output-dir {output}.")
        return [output]
    assert output_dir is not None
    targets = [output_dir / source.name for source in inputs]
    _all_different(inputs, targets)
    _spare_inputs(inputs, targets, output_dir)
    make_folder(output_dir)
    return targets


def check_several(inputs: Sequence[Path], output_dir: Path) -> None:
    """Refuse inputs whose several results would be called alike, and make the folder for them.

    Raises:
        UsageError, OSError.
    """
    _all_different(inputs, [output_dir / source.stem.casefold() for source in inputs])
    make_folder(output_dir)


def in_folder(names: Sequence[str], output_dir: Path, inputs: Sequence[Path], written: Sequence[Path]) -> list[Path]:
    """Where several results of these names go.

    Args:
        written: where those of the inputs before are.

    Raises:
        UsageError: over an input, or over one of those.
    """
    targets = [output_dir / name for name in names]
    for target in targets:
        if target in written:
            raise UsageError(f"{target} is the result of another input. Do them one by one, each to its own folder.")
    _spare_inputs(inputs, targets, output_dir)
    return targets


def make_folder(output_dir: Path) -> None:
    """Make the folder for results, with those above it.

    Raises:
        UsageError: it is a file.
        OSError: it cannot be made.
    """
    if output_dir.exists() and not output_dir.is_dir():
        raise UsageError(f"--output-dir {output_dir} is a file, not a folder.")
    output_dir.mkdir(parents=True, exist_ok=True)


def _spare_inputs(inputs: Sequence[Path], targets: Sequence[Path], output_dir: Path) -> None:
    taken = {target.resolve() for target in targets}
    for source in inputs:
        if source.resolve() in taken:
            raise UsageError(f"--output-dir {output_dir} would overwrite the input {source}. Choose another folder.")


def _all_different(inputs: Sequence[Path], targets: Sequence[Path]) -> None:
    owners: dict[Path, Path] = {}
    for source, target in zip(inputs, targets, strict=True):
        place = target.resolve()
        if place in owners:
            raise UsageError(f"{owners[place]} and {source} would both become {target}. Do them one by one.")
        owners[place] = source
