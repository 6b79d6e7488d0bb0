"""MurmurHash3 (x64, 128 bits; Austin Appleby, public domain) of a column of texts at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.uint64]

_C1, _C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_BLOCK = 16


def murmur3(texts: pa.StringArray, seed: int) -> tuple[Numbers, Numbers]:
    """The two halves of each text's hash, the lower one first."""
    _, offsets, content = texts.buffers()
    low, high = np.zeros(len(texts), np.uint64), np.zeros(len(texts), np.uint64)
    if not len(texts):
        return low, high
    starts = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    lengths = np.diff(starts)
    data = np.frombuffer(content, np.uint8) if content else np.zeros(0, np.uint8)
    # Texts of one length at a time: ids have few of them.
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        padded = np.zeros((len(rows), length // _BLOCK * _BLOCK + _BLOCK), np.uint8)
        padded[:, :length] = data[starts[rows][:, None] + np.arange(length)]
        low[rows], high[rows] = _hashes(padded.view("<u8"), length, np.uint64(seed))
    return low, high


def _hashes(words: Numbers, length: int, seed: np.uint64) -> tuple[Numbers, Numbers]:
    """Of texts of one length, as words of eight bytes, filled up with zeros to a whole block behind them."""
    h1, h2 = np.full(len(words), seed), np.full(len(words), seed)
    blocks = length // _BLOCK
    for block in range(blocks):
        k1, k2 = words[:, 2 * block].copy(), words[:, 2 * block + 1].copy()
        h1 ^= _rotated(k1 * _C1, 31) * _C2
        h1 = (_rotated(h1, 27) + h2) * np.uint64(5) + np.uint64(0x52DCE729)
        h2 ^= _rotated(k2 * _C2, 33) * _C1
        h2 = (_rotated(h2, 31) + h1) * np.uint64(5) + np.uint64(0x38495AB5)
    # What is behind the last whole block; zeros there change nothing.
    h2 ^= _rotated(words[:, 2 * blocks + 1] * _C2, 33) * _C1
    h1 ^= _rotated(words[:, 2 * blocks] * _C1, 31) * _C2
    h1 ^= np.uint64(length)
    h2 ^= np.uint64(length)
    h1 = h1 + h2
    h2 = h2 + h1
    h1, h2 = _mixed(h1), _mixed(h2)
    h1 = h1 + h2
    return h1, h2 + h1


def _rotated(numbers: Numbers, bits: int) -> Numbers:
    return (numbers << np.uint64(bits)) | (numbers >> np.uint64(64 - bits))


def _mixed(numbers: Numbers) -> Numbers:
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        numbers = (numbers ^ (numbers >> np.uint64(33))) * np.uint64(factor)
    return numbers ^ (numbers >> np.uint64(33))
