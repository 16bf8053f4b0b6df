"""What is downloaded is whole and is what the lock file says, or it is not used."""

import errno
import hashlib
import io
import tarfile
import threading
from pathlib import Path

import pytest

from deploy.local import downloads
from deploy.local.downloads import Artifact, Progress, kafka_jars, locked_artifacts, registry_app
from deploy.local.errors import ChecksumMismatch, DiskFull, DownloadFailed
from deploy.local.report import silent

CONTENT = {"broker-1.0.jar": b"broker" * 1000, "client-1.0.jar": b"client" * 1000}


class Repository:
    """A repository that serves what it is told to, and counts what it was asked for."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self.content = dict(content)
        self.asked: list[str] = []
        self.failure: OSError | None = None

    def fetch(self, artifact: Artifact, folder: Path, progress: Progress) -> Path:
        self.asked.append(artifact.filename)
        file = folder / artifact.filename
        whole = self.content[artifact.filename]
        if self.failure is not None:
            file.write_bytes(whole[: len(whole) // 2])
            raise self.failure
        file.write_bytes(whole)
        progress(len(whole), len(whole))
        return file


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    lines = [
        f"org.example:{name.partition('-')[0]}:1.0 {hashlib.sha256(content).hexdigest()}"
        for name, content in CONTENT.items()
    ]
    lock = tmp_path / "jars.lock"
    lock.write_text("# a comment\n" + "\n".join(lines) + "\n")
    monkeypatch.setattr(downloads, "LOCK_FILE", lock)
    return Repository(CONTENT)


def read(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*.jar")}


def test_the_lock_file_names_every_archive_once_with_its_hash() -> None:
    """A jar that is not listed would be missing on the class path, one listed twice would shadow another."""
    artifacts = locked_artifacts(downloads.LOCK_FILE.read_text())
    assert len({one.filename for one in artifacts}) == len(artifacts) == 47
    assert all(len(one.sha256) == 64 for one in artifacts)
    assert {one.version for one in artifacts if one.group == "org.apache.kafka"} == {downloads.KAFKA_VERSION}
    assert [one.filename for one in artifacts if one.packaging == "tar.gz"] == [
        f"apicurio-registry-app-{downloads.REGISTRY_VERSION}-all.tar.gz"
    ]


def test_what_was_downloaded_once_is_used_again_without_a_network(repository: Repository, tmp_path: Path) -> None:
    """A second checkout, or a train ride, needs no registry."""
    spoken: list[str] = []
    first = kafka_jars(tmp_path / "cache", spoken.append, repository.fetch)
    repository.content = {}
    assert kafka_jars(tmp_path / "cache", silent, repository.fetch) == first
    assert read(first) == CONTENT
    assert spoken[-1] == "downloading Kafka: 2 of 2 files"


def test_a_file_with_another_hash_is_refused_and_never_kept(repository: Repository, tmp_path: Path) -> None:
    """A changed jar is not run, and the message tells its reader what to do about it."""
    repository.content["client-1.0.jar"] = b"something else"
    with pytest.raises(ChecksumMismatch) as refused:
        kafka_jars(tmp_path / "cache", silent, repository.fetch)
    text = str(refused.value)
    assert "org.example:client:1.0" in text
    assert hashlib.sha256(b"something else").hexdigest() in text
    assert "compose.yaml" in text
    assert not list((tmp_path / "cache").rglob("client-1.0.jar"))

    repository.content = dict(CONTENT)
    repository.asked.clear()
    assert read(kafka_jars(tmp_path / "cache", silent, repository.fetch)) == CONTENT
    assert repository.asked == ["client-1.0.jar"], "the file that was right is not fetched again"


def test_half_a_file_is_never_taken_for_a_whole_one(repository: Repository, tmp_path: Path) -> None:
    """A connection that breaks leaves nothing behind; the message names every other way to get the parts."""
    repository.failure = ConnectionResetError("cut")
    with pytest.raises(DownloadFailed) as failed:
        kafka_jars(tmp_path / "cache", silent, repository.fetch)
    text = str(failed.value)
    for choice in (
        "KAFKA_BOOTSTRAP_SERVERS",
        "compose.yaml",
        "jgo.conf",
        "HTTPS_PROXY",
        str(tmp_path / "cache"),
    ):
        assert choice in text
    assert not list((tmp_path / "cache").glob("kafka-*/*.jar"))

    repository.failure = None
    assert read(kafka_jars(tmp_path / "cache", silent, repository.fetch)) == CONTENT


def test_a_file_that_was_cut_in_the_cache_is_fetched_again(repository: Repository, tmp_path: Path) -> None:
    """A disk that lost the end of a file does not make Kafka fail in a way nobody understands."""
    folder = kafka_jars(tmp_path / "cache", silent, repository.fetch)
    (folder / "broker-1.0.jar").write_bytes(b"brok")
    repository.asked.clear()
    assert read(kafka_jars(tmp_path / "cache", silent, repository.fetch)) == CONTENT
    assert repository.asked == ["broker-1.0.jar"]


def test_a_full_disk_is_called_a_full_disk(repository: Repository, tmp_path: Path) -> None:
    """Not a network error, and not retried."""
    repository.failure = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(DiskFull, match="XDG_CACHE_HOME"):
        kafka_jars(tmp_path / "cache", silent, repository.fetch)


def test_two_checkouts_that_start_at_once_download_once(repository: Repository, tmp_path: Path) -> None:
    """The second waits for the first instead of writing over its files."""
    found: list[Path] = []
    both = [
        threading.Thread(target=lambda: found.append(kafka_jars(tmp_path / "cache", silent, repository.fetch)))
        for _ in range(2)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(found) == 2
    assert sorted(repository.asked) == sorted(CONTENT)


def test_an_application_unpacked_by_half_is_unpacked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops the first start while it unpacks finds a whole registry at the next one."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("quarkus-run.jar")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"jar!"))
    lock = tmp_path / "jars.lock"
    lock.write_text(f"org.example:registry:1.0:tar.gz:all {hashlib.sha256(archive.getvalue()).hexdigest()}\n")
    monkeypatch.setattr(downloads, "LOCK_FILE", lock)
    repository = Repository({"registry-1.0-all.tar.gz": archive.getvalue()})

    def stop_at_unpacking(line: str) -> None:
        if line.startswith("unpacking"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        registry_app(tmp_path / "cache", stop_at_unpacking, repository.fetch)
    assert not list((tmp_path / "cache").glob("registry-*"))
    app = registry_app(tmp_path / "cache", silent, repository.fetch)
    assert (app / "quarkus-run.jar").read_bytes() == b"jar!"
    assert repository.asked == ["registry-1.0-all.tar.gz"], "the archive was whole and is not fetched again"
