"""Files that are written whole or not at all, and read only up to a known size."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from patchwidgets.errors import FileError, shown
from patchwidgets.storage import check_ending, parse_json, read_file, write_file

WRITER = """
import sys
from patchwidgets.storage import write_file
number, path = 0, sys.argv[1]
while True:
    number += 1
    write_file(path, b"%d " % (number % 10) * 500_000)
    sys.stdout.write("."); sys.stdout.flush()
"""


def test_a_new_file_and_its_replacement(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_file(path, b"first")
    assert path.read_bytes() == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    path.chmod(0o640)
    write_file(str(path), b"second")
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "a.json", tmp_path / "a.json"
    target.write_bytes(b"first")
    link.symlink_to(target)
    write_file(link, b"second")
    assert link.is_symlink()
    assert target.read_bytes() == b"second"


def test_the_longest_name_that_a_folder_takes(tmp_path: Path) -> None:
    write_file(tmp_path / ("n" * 255), b"x")
    with pytest.raises(FileError, match=r"could not be written .File name too long"):
        write_file(tmp_path / ("n" * 256), b"x")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "none/a.json",
            r"No such file or directory\); if there was an earlier file, it is unchanged",
        ),
        (".", "it is a folder or a device; name a plain file"),
        ("a\0b", "embedded null"),
    ],
)
def test_places_that_cannot_be_written(name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=says):
        write_file(f"{tmp_path}/{name}", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_not_replaced() -> None:
    with pytest.raises(FileError, match="it is a folder or a device"):
        write_file("/dev/full", b"x")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_full_disk_leaves_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_file(path, b"first")

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match=r"No space left on device.*unchanged. Free 6 bytes, or"):
        write_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_may_not_grow_leaves_the_earlier_file(tmp_path: Path) -> None:
    """The kernel itself refuses the rest of the file, after it has taken the beginning."""
    path = tmp_path / "a.json"
    write_file(path, b"first")
    code = """
import resource, sys
from patchwidgets.errors import FileError
from patchwidgets.storage import write_file
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_file(sys.argv[1], bytes(1_000_000))
except FileError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_goes_with_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.read(3)
    while len(list(tmp_path.iterdir())) < 2:  # until an unfinished file is there
        pass
    writer.send_signal(signal.SIGSTOP)
    unfinished = [each for each in tmp_path.iterdir() if each != path]
    write_file(path, b"mine")
    # The writer lives, so its file stays.
    assert [each for each in tmp_path.iterdir() if each != path] == unfinished
    writer.kill()
    writer.wait()
    write_file(path, b"mine")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"mine"


def test_reading_up_to_a_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_file(tmp_path / "a", 5, "") == b"12345"
    with pytest.raises(FileError, match=r"has 5 bytes; at most 4 are read. Say more."):
        read_file(tmp_path / "a", 4, "Say more.")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1,", "Expecting value, at line 1, column 4"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' * 100_000, "nested too deeply"),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ("[NaN]", "NaN is not a number in JSON"),
        ("[-Infinity]", "-Infinity is not a number"),
        ("[1e999]", "'1e999' is too large for a number"),
        ("9" * 5000, r"'9+…' is too large for a number"),
        (r'"\ud800"', "half of a surrogate pair"),
        (b'"\xff"', "not UTF-8"),
    ],
)
def test_json_without_a_single_meaning(text: str | bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        parse_json(text)
    assert len(str(caught.value)) < 300


def test_nan_may_be_read_as_nothing() -> None:
    assert parse_json('{"a": [NaN, 1]}', nan=True) == {"a": [None, 1]}
    with pytest.raises(ValueError, match="Infinity is not a number in JSON"):
        parse_json("[Infinity]", nan=True)


def test_json_as_it_is() -> None:
    assert parse_json('{"a": [1, -2.5, null, true, "ü\\u0000\\ud83d\\ude00"]}') == {
        "a": [1, -2.5, None, True, "ü\0😀"]
    }


def test_values_in_messages_are_short() -> None:
    assert shown("a" * 10_000_000) == f"'{'a' * 97}…{'a' * 98}'"
    assert shown(10**5000) == "a number too long to print"
    assert shown([" Mary"]) == "[' Mary']"
    assert len(shown([["x" * 1000] * 1000] * 1000)) < 8000


@pytest.mark.parametrize(
    ("name", "form", "ending", "says"),
    [
        ("s.csv", "netCDF", ".nc", r"to_frame\(\)\.to_csv\(path\)"),
        ("s.json", "netCDF", ".nc", r"written as netCDF: let its name end in \.nc\.$"),
        ("w.html", "JSON", ".json", r"exp\.to_html\(path\)"),
        ("w.nc", "JSON", ".json", r"written as JSON: let its name end in \.json\.$"),
        ("w.PNG", "JSON", ".json", r"figure\.savefig\(path\)"),
    ],
)
def test_a_name_that_promises_another_form_is_refused(
    name: str, form: str, ending: str, says: str
) -> None:
    with pytest.raises(FileError, match=says):
        check_ending(name, form, ending)


@pytest.mark.parametrize("name", ["s.nc", "s", "s.h5", "heads.2024"])
def test_other_names_are_free(name: str) -> None:
    check_ending(name, "netCDF", ".nc")
