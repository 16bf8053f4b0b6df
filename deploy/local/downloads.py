"""The Java archives the stack runs: fetched by coordinate, checked by SHA-256, kept once per user."""

import hashlib
import json
import shutil
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import ChecksumMismatch, DiskFull, DownloadFailed, FolderUnusable, ProgramMissing
from deploy.local.locking import exclusive
from deploy.local.report import Report

LOCK_FILE = Path(__file__).with_name("jars.lock")
KAFKA_VERSION = "4.3.1"
REGISTRY_VERSION = "3.3.3"

_MEGABYTE = 1_000_000
_SPOKEN_BYTES = 20 * _MEGABYTE
_ATTEMPTS = 3
_WAIT_FOR_OTHERS_SECONDS = 900.0


@dataclass(frozen=True)
class Artifact:
    """One file of a Maven repository, and the SHA-256 it must have."""

    group: str
    name: str
    version: str
    packaging: str
    classifier: str
    sha256: str

    @property
    def filename(self) -> str:
        """The file's name in a Maven repository."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        return f"{self.name}-{self.version}{suffix}.{self.packaging}"

    def __str__(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"


Progress = Callable[[int, int], None]
"""Takes the bytes that came since the last call, and all there are."""

Fetch = Callable[[Artifact, Path, Progress], Path]
"""Downloads an artifact somewhere below the (empty, private) folder and returns the file."""


def locked_artifacts(text: str) -> list[Artifact]:
    """Read lines `group:artifact:version[:packaging:classifier] sha256`; `#` starts a comment."""
    artifacts = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        coordinate, sha256 = line.split()
        group, name, version, *rest = coordinate.split(":")
        packaging, classifier = rest or ("jar", "")
        artifacts.append(Artifact(group, name, version, packaging, classifier, sha256))
    return artifacts


def user_cache() -> Path:
    """The folder where downloads are kept, shared by every checkout of this user."""
    try:
        import platformdirs
    except ImportError as error:
        raise ProgramMissing("platformdirs", str(error)) from error
    return Path(platformdirs.user_cache_dir("ordergate"))


def from_maven(artifact: Artifact, folder: Path, progress: Progress) -> Path:
    """Download with jgo, from the repositories the user's jgo settings name, else from jgo's default."""
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise ProgramMissing("jgo, which downloads Kafka and the registry,", str(error)) from error

    @contextmanager
    def tell(_filename: str, total: int) -> Iterator[Callable[[int], None]]:
        yield lambda came: progress(came, total)

    chosen = GlobalSettings.load().repositories
    context = MavenContext(PythonResolver(progress_callback=tell), repo_cache=folder)
    # Those the user names come first; one named "central" takes the default's place.
    context.remote_repos = {**chosen, **{k: v for k, v in context.remote_repos.items() if k not in chosen}}
    component = context.project(artifact.group, artifact.name).at_version(artifact.version)
    return Path(component.artifact(artifact.classifier, artifact.packaging).resolve())


def kafka_jars(cache: Path, report: Report, fetch: Fetch = from_maven) -> Path:
    """The folder that holds exactly the jars of Kafka's class path, downloading what is missing.

    Raises:
        DownloadFailed, ChecksumMismatch, DiskFull, FolderUnusable, ProgramMissing, StackBusy
    """
    wanted = [one for one in locked_artifacts(LOCK_FILE.read_text()) if one.packaging == "jar"]
    folder = cache / f"kafka-{KAFKA_VERSION}-{_digest(wanted)}"
    if not _whole(folder, wanted):

        def collect() -> None:
            _collect(cache, folder, wanted, "Kafka", report, fetch)

        _guarded(cache, 60 * _MEGABYTE, report, collect)
    return folder


def registry_app(cache: Path, report: Report, fetch: Fetch = from_maven) -> Path:
    """The folder of the unpacked registry (`quarkus-run.jar` in it), downloading and unpacking it once.

    Raises:
        DownloadFailed, ChecksumMismatch, DiskFull, FolderUnusable, ProgramMissing, StackBusy
    """
    wanted = [one for one in locked_artifacts(LOCK_FILE.read_text()) if one.packaging == "tar.gz"]
    app = cache / f"registry-{REGISTRY_VERSION}-{_digest(wanted)}"

    def unpack() -> None:
        download = cache / "partial" / f"{app.name}-archive"
        unpacked = cache / "partial" / f"{app.name}-unpacked"
        if app.exists():
            return
        _collect(cache, download, wanted, "the schema registry", report, fetch)
        report("unpacking the schema registry")
        shutil.rmtree(unpacked, ignore_errors=True)
        with tarfile.open(download / wanted[0].filename) as archive:
            if hasattr(tarfile, "data_filter"):  # Python before 3.11.4 has no filters
                archive.extraction_filter = tarfile.data_filter
            archive.extractall(unpacked)  # noqa: S202  its SHA-256 was checked
        unpacked.rename(app)  # only a whole application ever has this name
        shutil.rmtree(download)

    if not app.exists():
        _guarded(cache, 500 * _MEGABYTE, report, unpack)
    return app


def _digest(artifacts: Iterable[Artifact]) -> str:
    return hashlib.sha256("\n".join(one.sha256 for one in artifacts).encode()).hexdigest()[:12]


def _guarded(cache: Path, needed: int, report: Report, work: Callable[[], None]) -> None:
    """Do `work` on the cache alone, with the disk's complaints told as errors of the stack."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(cache).free
        if free < needed:
            raise DiskFull(cache, f"{needed // _MEGABYTE} MB are needed, {free // _MEGABYTE} MB are free")
        with exclusive(
            cache / ".lock",
            seconds=_WAIT_FOR_OTHERS_SECONDS,
            waiting=lambda: report("waiting for another ordergate that is downloading"),
        ):
            work()
    except OSError as error:
        if DiskFull.is_meant_by(error):
            raise DiskFull(cache, str(error)) from error
        raise FolderUnusable(cache, str(error)) from error


def _collect(cache: Path, folder: Path, wanted: Sequence[Artifact], what: str, report: Report, fetch: Fetch) -> None:
    """Bring every wanted file into `folder`; what is there and right is not fetched again."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [one for one in wanted if not _right(folder / one.filename, one)]
    if missing:
        report(f"downloading {what}: {len(wanted) - len(missing)} of {len(wanted)} files")
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="download") as pool:
        downloads = [pool.submit(_fetch_one, one, folder, cache, report, fetch) for one in missing]
        try:
            for done, download in enumerate(as_completed(downloads), len(wanted) - len(missing) + 1):
                download.result()
                report(f"downloading {what}: {done} of {len(wanted)} files")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    sizes = {one.filename: (folder / one.filename).stat().st_size for one in wanted}
    _write_whole(folder / "verified.json", json.dumps(sizes, indent=1))


def _fetch_one(artifact: Artifact, folder: Path, cache: Path, report: Report, fetch: Fetch) -> None:
    """Download into a private folder, check, and only then move the file to its name."""
    private = cache / "partial" / artifact.filename
    for attempt in range(1, _ATTEMPTS + 1):
        shutil.rmtree(private, ignore_errors=True)
        private.mkdir(parents=True)
        try:
            file = fetch(artifact, private, _every_few_megabytes(artifact, report))
            break
        except (
            OSError,
            RuntimeError,
        ) as error:  # every error of requests is an OSError; jgo's own is the other
            if isinstance(error, OSError) and DiskFull.is_meant_by(error):
                raise
            if attempt == _ATTEMPTS:
                raise DownloadFailed(str(artifact), type(error).__name__, cache) from error
            time.sleep(0.3 * attempt)
    actual = _sha256(file)
    if actual != artifact.sha256:
        shutil.rmtree(private)
        raise ChecksumMismatch(str(artifact), artifact.sha256, actual)
    file.replace(folder / artifact.filename)
    shutil.rmtree(private)


def _every_few_megabytes(artifact: Artifact, report: Report) -> Progress:
    """A progress that speaks about large files only, every 20 MB."""
    had = 0

    def progress(came: int, total: int) -> None:
        nonlocal had
        before, had = had, had + came
        if had // _SPOKEN_BYTES > before // _SPOKEN_BYTES:
            report(f"downloading {artifact.name}: {had // _MEGABYTE} of {total // _MEGABYTE} MB")

    return progress


def _whole(folder: Path, wanted: Sequence[Artifact]) -> bool:
    """Whether every file was verified once and still has the size it had then: cheap, at every start."""
    try:
        sizes = json.loads((folder / "verified.json").read_text())
        return all((folder / one.filename).stat().st_size == sizes.get(one.filename) for one in wanted)
    except (OSError, ValueError):
        return False


def _right(file: Path, artifact: Artifact) -> bool:
    return file.exists() and _sha256(file) == artifact.sha256


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_whole(file: Path, text: str) -> None:
    half = file.with_suffix(".half")
    half.write_text(text)
    half.replace(file)
