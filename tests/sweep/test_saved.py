"""Files of sweeps: they come back the same, any other file is refused in words, and nothing reads too much."""

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from patchwidgets.errors import FileError, FileWarning
from patchwidgets.facade import Experiment
from patchwidgets.sweep.sweep_result import SweepResult
from tests.support.saved_sweeps import earlier_file, repacked, rewritten
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import make_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[SweepResult, Path]:
    s = one_pair(make_model("llama")).sweep("resid_pre", progress=False)
    path = tmp_path_factory.mktemp("saved") / "s.nc"
    s.save(path)
    return s, path


def test_the_heads_of_the_names_task_come_back_the_same(
    names_experiment: Experiment, tmp_path: Path
) -> None:
    heads = names_experiment.sweep("z", layers=[20, 23], progress=False)
    heads.save(tmp_path / "heads.nc")
    loaded = SweepResult.load(tmp_path / "heads.nc")
    assert loaded.to_xarray().identical(heads.to_xarray())
    assert loaded.top_sites(3) == heads.top_sites(3)
    assert repr(loaded) == repr(heads)


def test_parts_and_every_kind_of_axis_come_back_the_same(tmp_path: Path) -> None:
    pairs = several_pairs(make_model("llama"), ["logit_diff", "rank"])
    grid = pairs.sweep("mlp_out", ("layer", "pos_name"), progress=False)
    sites = pairs.sweep(sites=["L1.H2", ["L0.H1", "L2.mlp_out@-1"]], progress=False)
    neurons = pairs.sweep("neuron", top=3, progress=False)
    positions = one_pair(make_model("llama")).sweep("resid_pre", progress=False)
    parts = [grid.sel(layer=1), grid.sel(pair=[2, 0], metric="rank"), positions.sel(pos=-1)]
    for i, s in enumerate([grid, sites, neurons, positions, *parts]):
        s.save(tmp_path / f"{i}.nc")
        loaded = SweepResult.load(tmp_path / f"{i}.nc")
        assert loaded.to_xarray().identical(s.to_xarray())
        assert loaded.site_names() == s.site_names()
        assert loaded.to_frame().equals(s.to_frame())


def test_other_tools_read_the_file(saved: tuple[SweepResult, Path]) -> None:
    s, path = saved
    assert xr.load_dataset(path, engine="h5netcdf").identical(s.to_xarray())


def test_a_file_of_version_1_comes_back_the_same_with_a_warning(
    saved: tuple[SweepResult, Path], tmp_path: Path
) -> None:
    s, _ = saved
    (tmp_path / "old.nc").write_bytes(earlier_file(s))
    says = r"earlier version and has no checksum.*Save the result"
    with pytest.warns(FileWarning, match=says) as told:
        loaded = SweepResult.load(tmp_path / "old.nc")
    assert told[0].filename == __file__
    assert loaded.to_xarray().identical(s.to_xarray())
    loaded.save(tmp_path / "new.nc")
    assert SweepResult.load(tmp_path / "new.nc").to_xarray().identical(s.to_xarray())


def test_a_file_of_the_first_versions_has_no_n_positions(
    saved: tuple[SweepResult, Path], tmp_path: Path
) -> None:
    s, _ = saved
    earlier = s.to_xarray()
    del earlier.attrs["n_positions"]
    (tmp_path / "old.nc").write_bytes(earlier_file(SweepResult(earlier)))
    with pytest.warns(UserWarning, match="earlier version"):
        loaded = SweepResult.load(tmp_path / "old.nc")
    assert loaded.sel(pos=-1).site_names()[0] == "L0.resid_pre@6"


def test_another_file_is_refused(tmp_path: Path) -> None:
    xr.Dataset({"x": 1}).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    with pytest.raises(FileError, match=r"is not a sweep.*it does not say that it is a sweep"):
        SweepResult.load(tmp_path / "x.nc")
    (tmp_path / "x.nc").write_text("clean,corrupted\n")
    with pytest.raises(FileError, match="does not begin as a netCDF-4 file"):
        SweepResult.load(tmp_path / "x.nc")
    (tmp_path / "x.nc").write_bytes(b"")
    with pytest.raises(FileError, match="does not begin as a netCDF-4 file"):
        SweepResult.load(tmp_path / "x.nc")


def test_damage_is_found(saved: tuple[SweepResult, Path], tmp_path: Path) -> None:
    content = saved[1].read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 3] ^= 1
    (tmp_path / "s.nc").write_bytes(flipped)
    with pytest.raises(FileError, match="its checksum is not that of its bytes"):
        SweepResult.load(tmp_path / "s.nc")
    (tmp_path / "s.nc").write_bytes(content[:-5])
    with pytest.raises(FileError, match="its end is missing: it was cut, or changed by another"):
        SweepResult.load(tmp_path / "s.nc")
    (tmp_path / "s.nc").write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match="its end is missing"):
        SweepResult.load(tmp_path / "s.nc")
    (tmp_path / "s.nc").write_bytes(content[:9])
    with pytest.raises(FileError, match="its end is missing"):
        SweepResult.load(tmp_path / "s.nc")
    earlier = bytearray(earlier_file(saved[0]))
    earlier[100:1000] = bytes(900)
    (tmp_path / "s.nc").write_bytes(earlier)
    with pytest.raises(FileError, match=r"HDF5 cannot read it: \w+Error"):
        SweepResult.load(tmp_path / "s.nc")


def _attribute(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda index: index["attrs"].update({name: value})


def _variable(name: str, **changed: Any) -> Callable[[dict[str, Any]], None]:
    return lambda index: index["variables"][name].update(changed)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_attribute("patchwidgets_result", 3), "its version is 3; this patchwidgets reads up to 2"),
        (_attribute("patchwidgets_result", "2"), "its version is '2'"),
        (_attribute("direction", "sideways"), "'attrs.direction': Input should be 'denoise' or"),
        (_attribute("component", "L0"), "'attrs.component': Input should be 'embed'"),
        (_attribute("window", 0), "'attrs.window': Input should be greater than or equal to 1"),
        (_attribute("medians", "[1]"), "'attrs.medians': .*expected a list of names"),
        (_attribute("medians", "["), "'attrs.medians'"),
        (_attribute("sources", '"zero"'), "'attrs.sources': .*expected a list of sources"),
        (_attribute("sources", '[{"kind": "evil"}]'), "'attrs.sources': .*is no source"),
        (_attribute("noise_floor", -1.0), "'attrs.noise_floor': Input should be greater"),
        (_attribute("more", [1]), "'attrs.more.str'"),
        (lambda index: index["attrs"].pop("task"), "'attrs.task': Field required"),
        (lambda index: index.pop("attrs"), "its version is None"),
        (lambda index: index["variables"].pop("share"), "it lacks share"),
        (lambda index: index["variables"].pop("layer"), "it lacks layer"),
        (_variable("value", dims=["pair", "layer", "pos", "metric"]), "value does not run over"),
        (_variable("zero", dims=["layer", "word"]), r"unknown axes \['word'\]"),
        (_variable("zero", dtype="int8"), "zero holds indices; expected truth values"),
        (_variable("layer", dtype="float64"), "layer holds floats; expected indices"),
        (_variable("layer", shape=[4]), "layer has 3 entries, and 4 in layer|has 4 entries, and 3"),
        (_variable("value", shape=[2, 3, 7]), "value has 3 axes and 4 names"),
        (_variable("value", offset=10**6), r"numbers up to byte \d+ of \d+"),
        (_variable("value", offset=-8), "offset': Input should be greater than or equal to 0"),
        (_variable("value", dtype="object"), "dtype': Input should be 'float64'"),
        (_variable("metric", texts=["kl", "kl"]), "metric gives a coordinate twice"),
        (_variable("metric", texts=["kl", "a\0"]), "metric has a coordinate with a null character"),
        (_variable("metric", texts=["kl"]), "1 texts for 2 places"),
        (lambda index: index["coordinates"].remove("pos"), "pos is a coordinate and should be"),
        (lambda index: index["coordinates"].append("value"), "value is a coordinate and should be"),
    ],
)
def test_what_a_crafted_index_may_not_say(
    change: Callable[[dict[str, Any]], None],
    says: str,
    saved: tuple[SweepResult, Path],
    tmp_path: Path,
) -> None:
    (tmp_path / "s.nc").write_bytes(rewritten(saved[1].read_bytes(), change))
    with pytest.raises(FileError, match=f"^'.*s.nc' is not a sweep, or is damaged.*{says}"):
        SweepResult.load(tmp_path / "s.nc")


def test_a_sample_needs_the_number_of_sites_that_it_is_of(tmp_path: Path) -> None:
    path = tmp_path / "s.nc"
    one_pair(make_model("llama")).sweep("neuron", top=3, progress=False).save(path)
    assert SweepResult.load(path).missed(k=1).k == 1
    path.write_bytes(rewritten(path.read_bytes(), lambda index: index["attrs"].pop("n_others")))
    with pytest.raises(FileError, match="it has a sample, and not of how many sites"):
        SweepResult.load(path)


def test_many_variables_at_the_same_bytes_do_not_grow(
    saved: tuple[SweepResult, Path], tmp_path: Path
) -> None:
    def more(index: dict[str, Any]) -> None:
        index["variables"] |= {f"x{i}": index["variables"]["value"] for i in range(1000)}

    (tmp_path / "s.nc").write_bytes(rewritten(saved[1].read_bytes(), more))
    with pytest.raises(FileError, match=r"it claims [\d,]+ bytes of numbers, and has"):
        SweepResult.load(tmp_path / "s.nc")


def _with_data(file: h5py.File, name: str, **options: Any) -> None:
    data = file[name][()]
    attributes = dict(file[name].attrs)
    del file[name]
    file.create_dataset(name, data=data, **options).attrs.update(
        {key: value for key, value in attributes.items() if key not in ("REFERENCE_LIST",)}
    )


def _huge(file: h5py.File) -> None:
    """1.5 kB that say 4.8 GB: nothing is stored, and HDF5 would give zeros."""
    del file["value"]
    file.create_dataset("value", shape=(600_000_000,), dtype="f8")


def _outside(file: h5py.File) -> None:
    del file["value"]
    file.create_dataset("value", shape=(8,), dtype="u1", external=[("/etc/hostname", 0, 8)])


def _virtual(file: h5py.File) -> None:
    del file["value"]
    layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
    layout[:] = h5py.VirtualSource("/tmp/other.nc", "value", shape=(4,))
    file.create_virtual_dataset("value", layout)


def _linked(link: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file["value"]
        file["value"] = link

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_huge, "has the shape .600000000,., but not this many numbers"),
        (_outside, "is empty, compressed, or in another file"),
        (_virtual, "is not in one piece"),
        (_linked(h5py.ExternalLink("/tmp/other.nc", "value")), "'value' is a link"),
        (_linked(h5py.SoftLink("/effect")), "'value' is a link"),
        (lambda file: _with_data(file, "value", compression="gzip"), "compressed"),
        (lambda file: _with_data(file, "value", chunks=True), "is not in one piece"),
        (lambda file: file.create_group("more"), "'more' is a group"),
        (lambda file: file.attrs.update({"patchwidgets_result": 7}), "its end is missing"),
        (lambda file: file.attrs.update({"direction": "up"}), "'attrs.direction'"),
        (lambda file: file.attrs.update({"direction": np.arange(4)}), "can only convert an array"),
        (lambda file: [file.create_dataset(f"x{i}", data=1) for i in range(99)], "114 variables"),
    ],
)
def test_what_a_crafted_netcdf_file_may_not_hold(
    change: Callable[[h5py.File], Any],
    says: str,
    saved: tuple[SweepResult, Path],
    tmp_path: Path,
) -> None:
    (tmp_path / "s.nc").write_bytes(repacked(earlier_file(saved[0]), change))
    with pytest.raises(FileError, match=says):
        _load_quietly(tmp_path / "s.nc")


def _load_quietly(path: Path) -> SweepResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SweepResult.load(path)


def test_a_file_that_is_larger_than_allowed_says_how_to_read_it(
    saved: tuple[SweepResult, Path],
) -> None:
    with pytest.raises(FileError, match=r"at most 1,000 are read. Say max_bytes= to read more"):
        SweepResult.load(saved[1], max_bytes=1000)


def test_a_missing_file_a_folder_a_device_and_a_pipe(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot be read .No such file"):
        SweepResult.load(tmp_path / "none.nc")
    with pytest.raises(FileError, match=r"cannot be read .Is a directory"):
        SweepResult.load(tmp_path)
    with pytest.raises(FileError, match="is a folder or a device"):
        SweepResult.load("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="is a folder or a device"):
        SweepResult.load(tmp_path / "pipe")


def test_what_no_sweep_has_is_refused_before_anything_is_written(
    saved: tuple[SweepResult, Path], tmp_path: Path
) -> None:
    odd = saved[0].to_xarray().assign(when=("layer", np.array([0, 1, 2], "datetime64[s]")))
    for dataset in (odd.drop_vars("share"), odd.assign_attrs(model=[1, 2])):
        with pytest.raises(FileError, match="This sweep cannot be written as a file"):
            SweepResult(dataset).save(tmp_path / "odd.nc")
    null = saved[0].to_xarray()
    null["clean_token"] = ("pos", ["a\0b", *"cdefgh"])
    with pytest.raises(FileError, match=r"cannot be written as a file .*NULL"):
        SweepResult(null).save(tmp_path / "odd.nc")
    assert list(tmp_path.iterdir()) == []


def test_loading_imports_no_hdf5(saved: tuple[SweepResult, Path]) -> None:
    """Only then can no file crash it."""
    code = (
        "import sys; from patchwidgets.sweep.sweep_result import SweepResult; "
        f"SweepResult.load({str(saved[1])!r}); print('h5py' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
