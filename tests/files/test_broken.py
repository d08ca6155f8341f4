"""Files that were made by hand: each is refused with what is wrong, what was expected and what to do."""

import json
import pickle
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import patchwidgets as pw
from patchwidgets.errors import FileError, PatchwidgetsError, TaskError
from patchwidgets.files import envelope
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.tasks import Task
from tests.files.conftest import Saved
from tests.support.damage import bounded
from tests.support.saved_files import LOADERS, changed

Change = Callable[[dict[str, Any]], Any]
OF_JSON = ("task", "circuit", "result", "curve", "history", "explorer")
EXPECTED = (
    r"expected a JSON file that patchwidgets saved, such as w\.save\('session\.json'\) writes"
)


def _zip(content: bytes) -> bytes:
    with BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("a", content)
        return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", f"is empty; {EXPECTED}. Check the name"),
        (b" \n", "is empty"),
        (pickle.dumps({"a": 1}), "is a pickle or an archive, which may run code and is never read"),
        (_zip(bytes(10**7)), "is a pickle or an archive"),
        (b"<!DOCTYPE html><p>", "is a page, which a browser opens"),
        (b"clean,corrupted\n", r"is no JSON .*line 1, column 1\), or it was cut; expected a JSON"),
        (b"\xff\xfe\x00", "is no JSON .it is not UTF-8"),
        (b'{"a": "\xff"}', "is no JSON .it is not UTF-8"),
        (b'{"a": "\\ud800"}', "holds half of a surrogate pair"),
        (b"[1, 2]", f"does not say that patchwidgets wrote it; {EXPECTED}"),
        (b"null", "does not say that patchwidgets wrote it"),
        (b'{"patchwidgets": 3}', "does not say that patchwidgets wrote it"),
        (b'{"a": NaN}', "NaN is not a number in JSON"),
        (b'{"a": 1e999}', "'1e999' is too large for a number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is too large for a number"),
        (b'{"a": 1, "a": 2}', "the key 'a' is there twice"),
        (b"[" * 10_000 + b"]" * 10_000, "it is nested too deeply"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "it is nested too deeply"),
        (b"[" + b"[]," * 2_100_000 + b"1]", r"has 4,200,001 numbers, texts.*at most 4,194,304 are"),
        (
            b'["a' + b'","a' * 4_200_000 + b'"]',
            r"has 4,200,001 numbers, texts.*Say max_bytes= to read",
        ),
        (
            b'{"patchwidgets": {"kind": "lasagne", "format": 1, "version": "9.0"}}',
            r"holds 'lasagne' in format 1, written by patchwidgets '9.0'; this version, [\d.]+, reads the kinds task, ",
        ),
        (
            b'{"patchwidgets": {"kind": "circuit", "format": 7, "version": "9.0"}}',
            r"holds 'circuit' in format 7.*reads it up to format 1\. Update patchwidgets: pip install -U",
        ),
        (b'{"patchwidgets": {"kind": "circuit", "format": true}}', "in format True"),
        (b'{"patchwidgets": {"kind": "circuit", "format": 1}}', "its checksum is not that"),
    ],
)
def test_what_is_no_file_of_ours(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with bounded(), pytest.raises(FileError, match=f"^'.*x.json' .*{says}") as raised:
        pw.open(path)
    assert len(str(raised.value)) < 700
    for name in OF_JSON:
        with pytest.raises(FileError, match=says):
            LOADERS[name](path)


def test_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for read in (pw.open, *(LOADERS[name] for name in OF_JSON)):
        with pytest.raises(FileError, match=r"cannot be read .No such file"):
            read(tmp_path / "none")
        with pytest.raises(FileError, match=r"Is a directory|is a folder"):
            read(tmp_path)
    with pytest.raises(FileError, match="is a folder or a device"):
        pw.open("/dev/zero")
    (tmp_path / "large").write_bytes(b" " * 100)
    monkeypatch.setattr(envelope, "MAX_BYTES", 50)
    with pytest.raises(FileError, match=r"has 100 bytes; at most 50 are read. Say max_bytes="):
        pw.open(tmp_path / "large")
    with pytest.raises(FileError, match="is empty"):
        pw.open(tmp_path / "large", max_bytes=100)
    with pytest.raises(FileError, match="at most 0 are read"):
        pw.open(tmp_path / "large", max_bytes=0)


def test_another_kind_is_named(saved: Saved) -> None:
    with pytest.raises(
        FileError, match=r"holds a faithfulness curve; expected a circuit. Open it with pw.open"
    ):
        Circuit.load(saved.folder / "curve")
    with pytest.raises(FileError, match=r"holds a circuit of the MIB benchmark; expected a circu"):
        Circuit.load(saved.folder / "mib")
    with pytest.raises(FileError, match=r"netCDF file, as SweepResult.save writes it; expected"):
        Task.load(saved.folder / "sweep")
    with pytest.raises(FileError, match=r"holds an explorer; expected a task"):
        Task.from_json(saved.folder / "explorer")


def test_a_change_by_hand_and_a_cut_are_noticed(saved: Saved, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for name in OF_JSON:
        content = (saved.folder / name).read_bytes()
        path.write_bytes(content.replace(b'"version":"', b'"version":"1'))
        with pytest.raises(FileError, match=r"changed by hand: its checksum is not that of its"):
            LOADERS[name](path)
        path.write_bytes(content[:-20])
        with pytest.raises(FileError, match=r"is no JSON .*or it was cut"):
            LOADERS[name](path)
    path.write_bytes((saved.folder / "task").read_bytes().replace(b"w26", b"w27"))
    with pytest.raises(FileError, match=r"Task.to_json writes tasks that can be edited by hand"):
        Task.load(path)
    # What JSON does not tell apart is no change.
    whole = json.loads((saved.folder / "task").read_bytes())
    path.write_text(json.dumps(whole, indent=3))
    assert Task.load(path) == saved.experiment.task


def _set(value: Any, *keys: Any) -> Change:
    def change(whole: dict[str, Any]) -> None:
        at: Any = whole
        for key in keys[:-1]:
            at = at[key]
        at[keys[-1]] = value

    return change


def _without(*keys: Any) -> Change:
    def change(whole: dict[str, Any]) -> None:
        at: Any = whole
        for key in keys[:-1]:
            at = at[key]
        del at[keys[-1]]

    return change


HUGE = {"shape": [2, 2**27], "values": [1.0]}
READING = ("history", "entries", 0, "readings", "kl")
NOISE = {"kind": "noise", "scale": 1.0, "n": 10**6, "seed": 0}


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("circuit", _without("members"), "'members': Field required"),
        ("circuit", _set(1, "more"), "'more': Extra inputs"),
        ("circuit", _set(["L0"], "members"), r"'L0' lacks a component"),
        ("circuit", _set(["L0.H1"] * 2, "members"), "it has a member twice"),
        ("circuit", _set(["L0.H1", "embed->logits"], "members"), "nodes or edges, not both"),
        ("circuit", _set(["x" * 1001], "members"), "at most 1000 characters"),
        ("circuit", _set({"embed->logits": 1}, "scores"), "which are not in the circuit"),
        ("circuit", _set({"embed->logits": "1"}, "scores"), "valid number"),
        ("circuit", _set({}, "patchwidgets", "model"), "its model is .*expected name, weights"),
        ("circuit", _set(1, "patchwidgets", "more"), "its header has"),
        ("curve", _set("zz", "patchwidgets", "model", "weights"), "has the weights 'zz'"),
        ("curve", _set("z" * 2000, "patchwidgets", "model", "name"), "has the name 'zzzz"),
        ("curve", _set([0.5, 0.2], "fractions"), "its fractions do not grow"),
        ("curve", _set([0.5, 1.2], "fractions"), "less than or equal to 1"),
        ("curve", _set([4], "n_kept"), "2 fractions, 2 circuits"),
        ("curve", _set(0, "n_scored"), "greater than or equal to 1"),
        ("curve", _set([[0], [99]], "circuits"), "a circuit has a member that is none of"),
        (
            "curve",
            _set(HUGE, "readings", 0, "circuits"),
            r"1 values of shape \[2, 134217728\]; exp",
        ),
        (
            "curve",
            _set(2**30, "n_random"),
            r"8 values of shape .*expected the shape \[2, 1073741824",
        ),
        ("curve", _set([1.0], "readings", 0, "nothing"), "1 numbers for 2 pairs"),
        ("curve", _set([], "readings", 0, "model"), "at least 1 item"),
        ("curve", _set(-1.0, "readings", 0, "noise_floor"), "greater than or equal to 0"),
        ("curve", _set("kl", "readings", 0, "metric", "name"), "it has a metric twice"),
        ("curve", _set("kll", "readings", 0, "metric", "name"), "Unknown metric 'kll'"),
        ("curve", _set({"kind": "evil"}, "ablation"), "is no source"),
        ("result", _set(["L0"], "ablated"), "'L0' lacks a component"),
        ("result", _set([], "readings"), "at least 1 item"),
        ("result", _set([1.0], "readings", 1, "model"), "different numbers of pairs"),
        ("history", _set(5, "entries", 0, "prompts"), "prompts 5 of 1"),
        ("history", _set([], "entries", 0, "patches"), "at least 1 item"),
        ("history", _set(["attn"], "entries", 0, "frozen"), r"L0.H1 with \('attn',\) frozen"),
        ("history", _set([], "entries", 1, "frozen"), r"L0.H1->L1.H1.q with \(\) frozen"),
        ("explorer", _set("x" * 501, "history", "entries", 0, "note"), "at most 500 characters"),
        (
            "explorer",
            _set("sideways", "history", "entries", 0, "direction"),
            "'denoise' or 'noise'",
        ),
        ("explorer", _set("kl", "history", "entries", 0, "metric"), "and kl was shown"),
        ("explorer", _set([1.0], *READING, "patched"), "1 numbers for 2 pairs"),
        ("explorer", _set({"shape": [], "values": []}, *READING, "drawn"), "has no draws"),
        ("explorer", _set(HUGE, *READING, "drawn"), "1 values of shape"),
        ("explorer", _without(*READING), "numbers of answer_logit"),
        ("explorer", _set({"pairs": []}, "task"), "at least 1 item"),
        ("explorer", _without("task", "pairs", 0, "clean"), "lacks clean"),
        ("explorer", _set(["answer"], "task", "once"), "'answer' is given once, and its pairs dif"),
        ("explorer", _set(2, "shown", "pair"), "it shows pair 2 of 2"),
        ("explorer", _set("all pairs", "shown", "pair"), "'shown.pair"),
        ("explorer", _set("kll", "shown", "metric"), "it shows kll, and has logit_diff"),
        ("explorer", _set("everything", "shown", "field"), "is not a site"),
        ("explorer", _set("S 2", "shown", "position"), "Position 'S 2'"),
        ("explorer", _set("other", "shown", "source"), "Expected a source"),
        ("explorer", _set(NOISE, "shown", "patches", 0, "source"), "at most 100 draws"),
        ("explorer", _set([{"pair": 0}], "shown", "edits"), "'shown.edits.0.clean': Field req"),
    ],
)
def test_what_a_crafted_file_may_not_say(
    name: str, change: Change, says: str, saved: Saved, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(changed((saved.folder / name).read_bytes(), change))
    with bounded(), pytest.raises(FileError, match=rf"^'.*x.json' is not .*{says}") as raised:
        LOADERS[name](path)
    assert "Use a copy of the file, or save it again." in str(raised.value)
    assert len(str(raised.value)) < 900


def test_a_crafted_task_is_refused_as_one_of_to_json(saved: Saved, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(changed((saved.folder / "task").read_bytes(), _set(3, "bos")))
    for read in (Task.load, Task.from_json, pw.open):
        with pytest.raises(TaskError, match=r"'x.json' is not a task .'bos'.*valid boolean"):
            read(path)


def test_a_lens_that_claims_more_than_it_has(saved: Saved, tmp_path: Path) -> None:
    content = (saved.folder / "lens").read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["L0.resid_pre"] |= {"shape": [2**14, 2**14], "data_offsets": [0, 2**29]}
    text = json.dumps(header).encode()
    path = tmp_path / "lens"
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
    with bounded(), pytest.raises(FileError, match="is not a Jacobian lens, or is damaged"):
        pw.open(path)
    path.write_bytes((2**31).to_bytes(8, "little") + content[8:])
    with pytest.raises(FileError, match="its header is too long"):
        pw.open(path)


def test_every_error_is_one_of_ours() -> None:
    assert issubclass(FileError, PatchwidgetsError)
    assert issubclass(TaskError, PatchwidgetsError)
