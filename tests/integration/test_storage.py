"""Whole runs on object stores, without permission, and on a full disk, as a user sees them."""

import contextlib
import dataclasses
import hashlib
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from pipelines.runs import storage
from pipelines.runs.folder import RunFolder
from schemas.documents import Document
from tests.faulty_proxy import FORBIDDEN_JSON, FORBIDDEN_XML, Fault
from tests.integration.lines import SmallWorld, differing, digests, mm1
from tests.object_stores import ObjectStore, gcs_store, s3_store

pytestmark = pytest.mark.slow

OUTSIDE = 3


@pytest.fixture(scope="module", params=["s3", "gs"])
def store(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    with s3_store() if request.param == "s3" else gcs_store() as found:
        yield found


def digests_of(run: str) -> dict[str, str]:
    """Returns the sha256 of every file of a run, wherever it lies."""
    return {
        path.removeprefix(f"{run}/"): hashlib.sha256(storage.read_bytes(path)).hexdigest()
        for path in storage.list_files(run, temporary=True)
    }


def forbidden(store: ObjectStore, part: str) -> Fault:
    """Returns the answer of a bucket that may be read, but not written below ``part``."""
    body = FORBIDDEN_XML if store.url.startswith("s3") else FORBIDDEN_JSON
    return Fault(kind="status", methods=("PUT", "POST"), part=part, status=403, body=body, times=1000)


def test_a_run_on_an_object_store_has_the_bytes_of_a_local_one(
    small_world: SmallWorld, reference_run: pathlib.Path, store: ObjectStore
) -> None:
    run = f"{store.url}/run"
    # All jobs go through the same few functions: the whole line on one store, its beginning on the other.
    last = "mix" if store.url.startswith("s3") else "dedup"
    done = mm1("run", str(small_world.recipe), "--out", run, "--engine", "inproc", "--jobs", f"interleave..{last}")
    assert done.returncode == 0, done.stderr[-3000:]

    found, wanted = digests_of(run), digests(reference_run)
    jobs = {name.split("/")[0] for name in found}
    assert jobs >= {"run.json", "interleave", "fetch", "dedup"}
    assert differing(found, {name: digest for name, digest in wanted.items() if name.split("/")[0] in jobs}) == []
    assert last != "mix" or jobs == {name.split("/")[0] for name in wanted}


def test_recipe_and_inputs_on_an_object_store_give_the_same_documents(
    small_world: SmallWorld, reference_run: pathlib.Path, store: ObjectStore, tmp_path: pathlib.Path
) -> None:
    for path in sorted((small_world.folder / "world" / "warc").glob("pages-*.warc.gz")):
        storage.write_bytes(f"{store.url}/lab/crawl/{path.name}", path.read_bytes())
    recipe = f"{store.url}/lab/recipe.yaml"
    text = "version: 1\nrun: run\ninput: {pages: ['crawl/*.warc.gz']}\nfetch: {source: archive}\nscore: {model: null}\n"
    storage.write_bytes(recipe, text.encode())

    done = mm1("run", recipe, "--out", str(tmp_path / "run"), "--jobs", "interleave", "--engine", "inproc")
    assert done.returncode == 0, done.stderr[-3000:]

    def content(run: pathlib.Path) -> list[Document]:
        found = (dataclasses.replace(d, archive="") for d in RunFolder(str(run)).read("interleave", Document))
        return sorted(found, key=lambda document: document.document_id)

    assert content(tmp_path / "run") == content(reference_run)


@pytest.mark.parametrize(("part", "engine"), [("run.json", "inproc"), ("part-", "inproc"), ("part-", "local")])
def test_a_bucket_that_may_not_be_written_stops_the_run_with_one_sentence(
    small_world: SmallWorld, store: ObjectStore, part: str, engine: str
) -> None:
    run = f"{store.url}/forbidden-{part.strip('.-')}-{engine}"

    with store.proxy.failing(forbidden(store, part)):
        done = mm1("run", str(small_world.recipe), "--out", run, "--engine", engine, "--jobs", "interleave")

    assert done.returncode == OUTSIDE, done.stderr[-3000:]
    assert f"{run}/" in last_line(done)
    assert "the right to write there, or correct its credentials" in last_line(done)
    assert storage.list_files(f"{run}/interleave") == []


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    """Returns what the program said last: worker processes of Beam print their tracebacks before."""
    return done.stderr.strip().splitlines()[-1]


@contextlib.contextmanager
def small_disk(folder: pathlib.Path, n_bytes: int) -> Iterator[pathlib.Path]:
    """Gives a file system of its own with so much room."""
    folder.mkdir()
    options = f"size={n_bytes}"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "mm1-test", str(folder)], check=False, timeout=20)
    if done.returncode:
        pytest.skip("a small file system cannot be mounted here: that needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=20)


@pytest.fixture(scope="module")
def small_line(small_world: SmallWorld, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], pathlib.Path]:
    """The words of a short run, and its run folder on a disk with room."""
    words = ["run", str(small_world.recipe), "--jobs", "interleave..fetch", "--set", "input.pairs=[]"]
    words += ["--set", "input.text=[]", "--workers", "2"]
    run = tmp_path_factory.mktemp("room") / "run"
    assert mm1(*words, "--out", str(run)).returncode == 0
    return words, run


@pytest.mark.parametrize("engine", ["inproc", "local"])
def test_a_full_disk_stops_the_run_with_one_sentence_and_more_room_completes_it(
    small_world: SmallWorld, small_line: tuple[list[str], pathlib.Path], tmp_path: pathlib.Path, engine: str
) -> None:
    words, whole = small_line
    n_input = sum(path.stat().st_size for path in (small_world.folder / "world" / "warc").glob("pages-*"))
    needed = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
    # Enough for what is checked before, too little for the images.
    room = (n_input + needed) // 2
    assert n_input < room < needed
    with small_disk(tmp_path / "disk", room) as disk:
        done = mm1(*words, "--engine", engine, "--out", str(disk / "run"))

        assert done.returncode == OUTSIDE, done.stderr[-3000:]
        assert "No space left on device; make room there" in last_line(done)
        assert not list(disk.rglob(".tmp-*"))

        subprocess.run(["mount", "-o", f"remount,size={4 * needed}", str(disk)], check=True, timeout=20)
        assert mm1(*words, "--engine", engine, "--out", str(disk / "run")).returncode == 0
        assert differing(digests(disk / "run"), digests(whole)) == []
