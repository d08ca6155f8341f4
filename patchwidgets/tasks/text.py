"""The text of a file of a task."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from patchwidgets.errors import TaskError, shown
from patchwidgets.storage import read_file

MAX_BYTES = 2**28
"""The size up to which a file of a task is read."""


def read_text(path: str | Path) -> str:
    """Return the text of a file in UTF-8, with or without a byte-order mark.

    Raises
    ------
    FileError
        The file cannot be read.
    TaskError
        It has another encoding.
    """
    content = read_file(path, MAX_BYTES, "Read it in parts, and give them to Task.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        utf16 = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
        line = content.count(b"\n", 0, error.start) + 1
        found = "It is UTF-16" if utf16 else f"Byte {content[error.start]:#x} in line {line} is not"
        raise TaskError(
            f"{shown(Path(path).name)} is not UTF-8. {found}; save it as UTF-8 (in Excel: CSV UTF-8)."
        ) from None
