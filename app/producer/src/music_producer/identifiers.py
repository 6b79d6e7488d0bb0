"""UUIDs of version 7 (RFC 9562, section 5.7), many at a time: their order is that of their times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def uuid7_texts(epoch_ms: NDArray[np.int64], chance: np.random.Generator) -> list[str]:
    """Return one UUID for each moment (milliseconds since 1970): 48 bits of time, 74 bits of chance."""
    count = len(epoch_ms)
    octets = np.frombuffer(chance.bytes(16 * count), dtype=np.uint8).reshape(count, 16).copy()
    octets[:, :6] = epoch_ms.astype(">u8").view(np.uint8).reshape(count, 8)[:, 2:]
    octets[:, 6] = octets[:, 6] & 0x0F | 0x70
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    digits = octets.tobytes().hex()
    return [
        f"{digits[at : at + 8]}-{digits[at + 8 : at + 12]}-{digits[at + 12 : at + 16]}"
        f"-{digits[at + 16 : at + 20]}-{digits[at + 20 : at + 32]}"
        for at in range(0, 32 * count, 32)
    ]
