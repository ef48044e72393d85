import pathlib
import threading
from collections.abc import Iterator

import pytest

from pipelines.imaging.decode import UndecodableImageError
from pipelines.imaging.prepare import ahead, prepared_images
from tests.pipelines.upstream import picture, recipe, store


def test_results_come_in_order_however_many_threads_make_them() -> None:
    assert list(ahead(lambda n: n * n, range(200), threads=4, lookahead=10)) == [(n, n * n) for n in range(200)]


def test_no_more_than_the_lookahead_is_made_before_it_is_asked_for() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for n in range(100):
            taken.append(n)
            yield n

    results = ahead(lambda n: n, items(), threads=2, lookahead=5)
    next(results)

    assert len(taken) == 6
    results.close()  # type: ignore[attr-defined]
    assert len(taken) == 6


def test_an_error_of_the_work_is_raised_where_its_result_is_due() -> None:
    def work(n: int) -> float:
        return 1 / (n - 3)

    results = ahead(work, range(10), threads=2)

    assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert all(not thread.name.startswith("ThreadPoolExecutor") for thread in threading.enumerate())


def test_an_image_that_cannot_be_read_is_yielded_with_its_error(tmp_path: pathlib.Path) -> None:
    settings = recipe(tmp_path)
    (images,), _ = store(settings, [[(picture((1, 2, 3), 30, 20), "png"), (b"no picture", "broken")]])

    found = list(prepared_images(settings.run, images, lambda image: image.size, threads=1))

    assert [image for image, _ in found] == images
    assert found[0][1] == (30, 20)
    assert isinstance(found[1][1], UndecodableImageError)
