"""Reading what ``torch.save`` wrote: damage is noticed, and nothing but tensors and plain values is built."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

ZIP = b"PK\x03\x04"
"""How torch's files begin, but for those of torch 1.5 and earlier, which have no checksums."""
FOLDER = 0x10
"""Attribute of a zip file's entry; torch leaves a tensor unread whose entry has it."""


def load_checked(path: str | Path) -> Any:
    """Contents of a file, on the CPU. torch writes a checksum for every tensor but does not look at them itself.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, not torch's or holds other objects; the message is one line.
    """
    try:
        with open(path, "rb") as file:
            if file.read(len(ZIP)) == ZIP:
                _check_sums(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except pickle.UnpicklingError as error:
        # torch advises to read it without the check, which would run whatever is in it.
        raise ValueError("UnpicklingError: no torch file, or one with more than tensors and plain values") from error
    except Exception as error:
        # Damage can make any part of the reading fail.
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"{type(error).__name__}: {reason}" if reason else type(error).__name__) from error


def _check_sums(path: str | Path) -> None:
    with zipfile.ZipFile(path) as archive:
        bad = archive.testzip() or next((each.filename for each in archive.infolist() if _is_folder(each)), None)
    if bad is not None:
        raise zipfile.BadZipFile(f"the checksum of {bad} is wrong")


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return bool(entry.external_attr & FOLDER) or entry.is_dir()
