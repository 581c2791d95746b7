"""Creates the files to transfer and checks that they arrived complete."""

import random

BLOCK = 1 << 20


def large(folder, size):
    """Creates one file in which all blocks differ."""
    folder.mkdir()
    path = folder / "large.bin"
    noise = random.Random(1).randbytes(BLOCK)
    with path.open("wb") as file:
        for number in range((size + BLOCK - 1) // BLOCK):
            file.write((number.to_bytes(8, "little") + noise[8:])[:size - number * BLOCK])
    return path


def small(folder, count, size):
    """Creates many files with different bytes."""
    folder.mkdir()
    noise = random.Random(2)
    for number in range(count):
        (folder / f"file-{number:06}.bin").write_bytes(noise.randbytes(size))
    return folder


def check(source, out):
    """Exits with a message unless `out` contains the files of `source` and nothing else."""
    expected = {path.name: path for path in
                (source.iterdir() if source.is_dir() else [source])}
    got = {path.name: path for path in out.rglob("*") if path.is_file()}
    if expected.keys() != got.keys():
        raise SystemExit(f"expected {len(expected)} files, got {len(got)}: "
                         f"{sorted(expected.keys() ^ got.keys())[:5]}")
    for name, path in expected.items():
        if not same(path, got[name]):
            raise SystemExit(f"{name} differs from its source")


def same(one, other):
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as a, other.open("rb") as b:
        while block := a.read(BLOCK):
            if block != b.read(BLOCK):
                return False
    return True
