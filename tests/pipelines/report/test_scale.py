"""What a recipe would take: from round costs to numbers that can be worked by hand."""

import dataclasses
import math

import pytest

from pipelines.dedup import plans as dedup_plans
from pipelines.dedup.images.neighbours import band_masks
from pipelines.fetch import plans as fetch_plans
from pipelines.jobs import JOB_NAMES
from pipelines.joins import chunks, lookup
from pipelines.report import scale
from pipelines.report.scale import Census, Costs, JobCosts, plan_line, read_costs
from schemas.recipe import DedupSettings, FetchSettings, FolderSource, ImageDedup, InputSettings, Recipe

GB = 10**9


def job(units_per_page: float, cpu_s: float = 0.0, memory: float = 0.0) -> JobCosts:
    return JobCosts(
        units_per_page=units_per_page,
        cpu_s=cpu_s,
        shuffled_bytes=100.0,
        output_bytes=1000.0,
        process_bytes=GB,
        unit_memory_bytes=memory,
    )


COSTS = Costs(
    jobs={
        "interleave": job(1.0, cpu_s=0.0036),
        "fetch": job(2.0),
        "dedup": job(2.0, memory=10_000.0),
        "score": job(4.0),
        "select": job(4.0),
        "recaption": job(1.0),
        "mix": job(3.0),
    },
    part_json_bytes=200,
    part_memory_bytes=1000,
    model_operations={"ViT-B-32": 9_000_000_000},
)

CENSUS = Census(
    files=100,
    n_bytes=20 * GB,
    work_items=600,
    pages=1_000_000,
    sampled_pages=300,
    images_per_page=3.0,
    largest_host="img.example",
    largest_host_share=0.5,
)


def recipe(**settings: object) -> Recipe:
    made = Recipe(version=1, run="/run", input=InputSettings(pages=("x.warc",)), fetch=FetchSettings(source="archive"))
    return dataclasses.replace(made, **settings)  # type: ignore[arg-type]


def plans(census: Census = CENSUS, **settings: object) -> dict[str, scale.JobPlan]:
    return {plan.job: plan for plan in plan_line(census, recipe(**settings), COSTS)}


def test_units_follow_the_pages_and_the_images_of_the_sample() -> None:
    found = {name: plan.units for name, plan in plans().items()}

    # Three images a page where the measured world had two: all that follows images is half as much again.
    assert found["interleave"] == 1_000_000
    assert found["fetch"] == 3_000_000
    assert found["score"] == 6_000_000
    assert found["mix"] == 3_000_000


def test_without_sampled_pages_the_measured_rates_hold() -> None:
    assert plans(dataclasses.replace(CENSUS, images_per_page=None))["fetch"].units == 2_000_000


def test_hours_and_bytes_are_units_times_costs() -> None:
    found = plans()["interleave"]

    assert found.cpu_hours == pytest.approx(1.0)  # a million times 3.6 ms
    assert (found.shuffled_bytes, found.output_bytes) == (100_000_000, GB)


def test_work_items_are_parts_and_buckets() -> None:
    found = {name: plan.work_items for name, plan in plans().items()}

    assert found["interleave"] == 600
    assert found["fetch"] == 3_000 + 600 + 60  # URLs by the thousand, parts of documents, contents by 50,000
    assert found["dedup"] == 600 + 2 * 60
    assert found["score"] == 367 + 600  # 6,000,000 / 16,384 rounded up
    assert found["mix"] == 600 + -(-3_000_000 // recipe().mixture.rows_per_shard)


def test_a_worker_holds_one_group_and_the_summaries_it_reads() -> None:
    found = plans()

    # 50,000 rows of 10 kB; its own 720 parts, and the 3,660 of fetch; of 3,000,000 hashes those with 5 equal bits.
    assert found["dedup"].worker_bytes == GB + 500_000_000 + (720 + 3_660) * 1000 + 93_750 * scale.HASH_BYTES
    assert plans(dataclasses.replace(CENSUS, pages=100))["dedup"].worker_bytes < GB + 10_000_000


def test_gpu_hours_are_operations_over_the_rate_of_the_accelerator() -> None:
    score = dataclasses.replace(recipe().score, model="ViT-B-32", accelerator="nvidia-tesla-a100")

    # 6,000,000 images of 9 GFLOP at 0.3 x 312 TFLOP/s: 577 s.
    assert plans(score=score)["score"].gpu_hours == pytest.approx(0.16026, rel=1e-3)
    assert plans(score=dataclasses.replace(score, accelerator=None))["score"].gpu_hours is None
    assert plans(score=dataclasses.replace(score, model="unknown"))["score"].gpu_hours is None


def test_a_job_that_is_off_takes_nothing() -> None:
    off = plans(score=dataclasses.replace(recipe().score, model=None))["score"]

    assert (off.units, off.work_items, off.worker_bytes, off.cpu_hours, off.output_bytes) == (0, 0, 0, 0.0, 0)


def test_only_the_web_is_asked() -> None:
    web = dataclasses.replace(recipe().fetch, source="web", user_agent="lab-bot/1.0 (+https://lab.example/bot)")
    folder = dataclasses.replace(web, source=FolderSource(folder="/images"))

    assert plans(fetch=web)["fetch"].requests == 3_000_000
    assert plans(fetch=folder)["fetch"].requests == plans(fetch=folder)["fetch"].polite_hours == 0


def test_the_largest_host_is_cut_and_takes_the_time_that_its_manners_ask() -> None:
    web = dataclasses.replace(recipe().fetch, source="web", user_agent="lab-bot/1.0 (+https://lab.example/bot)")
    fair = dataclasses.replace(CENSUS, largest_host_share=0.001)

    found, without = plans(fetch=web)["fetch"], plans(fair, fetch=web)["fetch"]

    # 1,500,000 URLs at 2 a second, by 10,000; 3,000 URLs are no reason to cut.
    assert found.polite_hours == pytest.approx(1_500_000 / 2 / 3600)
    assert found.work_items - without.work_items == 150


@pytest.mark.parametrize("radius", [0, 3, 10])
def test_hashes_are_compared_as_the_job_compares_them(radius: int) -> None:
    images = ImageDedup(hamming_radius=radius)
    widths = [mask.bit_count() for mask in band_masks(radius)]

    pairs, largest = scale.neighbours(1_000_000, recipe(dedup=DedupSettings(images=images)))

    assert pairs == pytest.approx(sum(1e12 / 2**width for width in widths))
    assert largest == math.ceil(1_000_000 / 2 ** min(widths))


def test_hours_of_comparing_images_grow_by_the_square() -> None:
    exact = DedupSettings(images=ImageDedup(hamming_radius=None))

    # 0.203 of 9e12 pairs at 12 ns; two bands have 5 bits, nine have 6.
    assert plans()["dedup"].cpu_hours == pytest.approx((2 / 32 + 9 / 64) * 9e12 * 12e-9 / 3600)
    assert plans(dedup=exact)["dedup"].cpu_hours == 0.0


def test_the_bounds_are_those_of_the_jobs() -> None:
    assert lookup.ROWS_PER_BUCKET == dedup_plans.ITEMS_PER_BUCKET == fetch_plans.IMAGES_PER_BUCKET
    assert scale.ROWS_PER_BUCKET == lookup.ROWS_PER_BUCKET
    assert scale.URLS_PER_BUCKET == fetch_plans.URLS_PER_BUCKET
    assert scale.URLS_PER_PORTION == fetch_plans.URLS_PER_PORTION
    assert (scale.LEAST_CHUNKS, scale.ROWS_PER_CHUNK) == (chunks.WORK_ITEMS, chunks.LARGEST)


def test_the_stored_costs_cover_every_job() -> None:
    costs = read_costs()

    assert set(costs.jobs) == set(JOB_NAMES)
    assert all(job.units_per_page > 0 and job.cpu_s > 0 and job.output_bytes > 0 for job in costs.jobs.values())
