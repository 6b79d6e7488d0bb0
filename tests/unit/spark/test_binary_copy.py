"""What PostgreSQL's binary COPY format cannot hold is refused before a byte of it is sent."""

import pyarrow as pa
import pytest
from music_spark.warehouse import binary_copy


def test_fixed_columns_come_first_and_the_document_has_the_formats_shape() -> None:
    columns, pieces = binary_copy.encoded(pa.table({"name": ["ab"], "n": pa.array([258], pa.int32())}))
    assert columns == ["n", "name"]
    header = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    row = b"\0\x02" + b"\0\0\0\x04" + b"\0\0\x01\x02" + b"\0\0\0\x02" + b"ab"
    assert b"".join(pieces) == header + row + b"\xff\xff"


def test_a_null_is_refused() -> None:
    with pytest.raises(ValueError, match="name"):
        b"".join(binary_copy.encoded(pa.table({"name": ["a", None]}))[1])


def test_a_type_without_a_binary_form_is_refused() -> None:
    with pytest.raises(TypeError, match="list"):
        binary_copy.encoded(pa.table({"names": [["a"]]}))
