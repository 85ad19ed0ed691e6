"""Bundles: the same bytes for the same content, and refused for one changed bit anywhere."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ml.errors import BundleError
from ml.release import archive, bundle
from ml.release.signing import LocalSigner


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    (folder / "parts").mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps({"name": "toy_model"}))
    (folder / "model.onnx").write_bytes(bytes(range(256)) * 4)
    (folder / "parts" / "words.txt").write_text("a b c")
    return folder


@pytest.fixture
def unpacked(content: Path, signer: LocalSigner, tmp_path: Path) -> Path:
    bundle.pack(content, signer, tmp_path / "b.tar.gz")
    archive.unpack(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    return tmp_path / "unpacked"


def test_what_is_packed_is_what_is_unpacked(content: Path, unpacked: Path, signer: LocalSigner) -> None:
    manifest = bundle.verify(unpacked, signer.public_key_pem())
    assert manifest.model == "toy_model"
    assert set(manifest.files) == {"card.json", "model.onnx", "parts/words.txt"}
    assert all((unpacked / name).read_bytes() == (content / name).read_bytes() for name in manifest.files)


def test_the_same_content_gives_the_same_archive(content: Path, signer: LocalSigner, tmp_path: Path) -> None:
    copied = tmp_path / "elsewhere"
    shutil.copytree(content, copied, copy_function=shutil.copyfile)
    (copied / "card.json").chmod(0o600)
    first, second = (bundle.pack(folder, signer, tmp_path / f"{folder.name}.tar.gz") for folder in (content, copied))
    assert first == second
    assert (tmp_path / "content.tar.gz").read_bytes() == (tmp_path / "elsewhere.tar.gz").read_bytes()


def test_other_content_is_another_version(content: Path, signer: LocalSigner, tmp_path: Path) -> None:
    first = bundle.pack(content, signer, tmp_path / "b.tar.gz")
    (content / "parts" / "words.txt").write_text("a b d")
    assert bundle.pack(content, signer, tmp_path / "b.tar.gz").version != first.version


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=some.data())
def test_one_flipped_bit_anywhere_is_refused_by_name(
    data: some.DataObject, unpacked: Path, signer: LocalSigner
) -> None:
    path = data.draw(some.sampled_from(sorted(path for path in unpacked.rglob("*") if path.is_file())))
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[data.draw(some.integers(0, len(whole) - 1))] ^= 1 << data.draw(some.integers(0, 7))
    path.write_bytes(damaged)
    try:
        name = path.relative_to(unpacked).as_posix()
        with pytest.raises(BundleError, match="manifest" if name.startswith("manifest") else name):
            bundle.verify(unpacked, signer.public_key_pem())
    finally:
        path.write_bytes(whole)
    assert bundle.verify(unpacked, signer.public_key_pem())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=some.data())
def test_a_flipped_bit_in_the_archive_changes_nothing_that_is_served(
    data: some.DataObject, content: Path, signer: LocalSigner, tmp_path: Path
) -> None:
    """Some bits of a gzip header mean nothing; whatever can still be unpacked and verified is what was packed."""
    bundle.pack(content, signer, tmp_path / "b.tar.gz")
    damaged = bytearray((tmp_path / "b.tar.gz").read_bytes())
    damaged[data.draw(some.integers(0, len(damaged) - 1))] ^= 1 << data.draw(some.integers(0, 7))
    (tmp_path / "d.tar.gz").write_bytes(damaged)
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    try:
        archive.unpack(tmp_path / "d.tar.gz", tmp_path / "out")
        manifest = bundle.verify(tmp_path / "out", signer.public_key_pem())
    except BundleError:
        return
    assert all((tmp_path / "out" / name).read_bytes() == (content / name).read_bytes() for name in manifest.files)


def test_files_that_were_added_or_taken_away_are_named(unpacked: Path, signer: LocalSigner) -> None:
    (unpacked / "model.onnx").rename(unpacked / "other.onnx")
    with pytest.raises(BundleError, match=r"missing \['model.onnx'\], unlisted \['other.onnx'\]"):
        bundle.verify(unpacked, signer.public_key_pem())


def test_another_key_is_refused(unpacked: Path, tmp_path: Path) -> None:
    stranger = LocalSigner.kept_at(tmp_path / "stranger.pem")
    with pytest.raises(BundleError, match="do not belong together under this public key"):
        bundle.verify(unpacked, stranger.public_key_pem())


@pytest.mark.parametrize("missing", ["manifest.sig", "manifest.json"])
def test_an_unsigned_model_is_refused(missing: str, unpacked: Path, signer: LocalSigner) -> None:
    (unpacked / missing).unlink()
    with pytest.raises(BundleError, match=f"{missing} is missing: the model is not signed"):
        bundle.verify(unpacked, signer.public_key_pem())


def test_a_key_that_is_none_is_named(unpacked: Path) -> None:
    with pytest.raises(BundleError, match="'nonsense' is no PEM public key"):
        bundle.verify(unpacked, "nonsense")


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = LocalSigner.kept_at(tmp_path / "keys" / "signing.pem")
    assert LocalSigner.kept_at(tmp_path / "keys" / "signing.pem").public_key_pem() == first.public_key_pem()
    assert (tmp_path / "keys" / "signing.pem").stat().st_mode & 0o777 == 0o600


def test_content_without_a_card_is_no_bundle(tmp_path: Path, signer: LocalSigner) -> None:
    with pytest.raises(BundleError, match=r"lacks card\.json"):
        bundle.pack(tmp_path, signer, tmp_path / "b.tar.gz")


@pytest.mark.parametrize("name", ["../outside", "/absolute"])
def test_an_archive_that_leads_outside_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as evil:
        evil.addfile(tarfile.TarInfo(name))
    if name.startswith("/"):
        archive.unpack(tmp_path / "evil.tar.gz", tmp_path / "in")
        assert (tmp_path / "in" / "absolute").exists()
    else:
        with pytest.raises(BundleError, match="cannot be unpacked"):
            archive.unpack(tmp_path / "evil.tar.gz", tmp_path / "in")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("content", [b"", b"not an archive"])
def test_what_is_no_archive_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(content)
    with pytest.raises(BundleError, match=r"b\.tar\.gz cannot be unpacked"):
        archive.unpack(tmp_path / "b.tar.gz", tmp_path / "out")
