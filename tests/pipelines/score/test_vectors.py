import pathlib
import tarfile

import numpy as np

from pipelines.runs.output import ItemOutput
from pipelines.score.vectors import ROWS_PER_MEMBER, VectorWriter, read_vectors, row_offset
from tests.pipelines.upstream import context_of, recipe

WIDTH = 3


def write(run: pathlib.Path, rows: int) -> str:
    context = context_of("score", recipe(run))
    with ItemOutput(context, 0, 1) as output:
        writer = VectorWriter(output.tar("vectors"))
        for row in range(rows):
            writer.write(np.array([row, -row, np.nan], np.float16))
        writer.flush()
    (part,) = output.report.parts
    return context.folder.path(part.path)


def test_rows_are_read_back_across_members(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, ROWS_PER_MEMBER + 2)
    wanted = [0, 5, ROWS_PER_MEMBER - 1, ROWS_PER_MEMBER, ROWS_PER_MEMBER + 1]

    vectors = read_vectors(path, wanted, WIDTH)

    assert sorted(vectors) == wanted
    for row, vector_W in vectors.items():
        np.testing.assert_array_equal(vector_W, np.array([row, -row, np.nan], np.float16))


def test_offsets_point_into_the_members_of_a_plain_tar(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, ROWS_PER_MEMBER + 2)

    with tarfile.open(path) as tar:
        members = tar.getmembers()

    assert [(m.name, m.size) for m in members] == [("000000.f16", 6 * ROWS_PER_MEMBER), ("000001.f16", 12)]
    assert [m.offset_data for m in members] == [row_offset(0, WIDTH), row_offset(ROWS_PER_MEMBER, WIDTH)]
