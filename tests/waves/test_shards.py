"""A run that several processes divide: each has its part of every wave, and nobody overtakes the canaries."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import awx, common, shards, verdict
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.progress import SILENT, UNCHANGED, Progress
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.shards import Shard, ShardError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.summary import ending, endings
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.waves import sizes
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), min_size=1, max_size=60, unique=True)
WAVES = st.lists(st.one_of(st.integers(1, 20), st.integers(1, 100).map(lambda n: f"{n}%")), min_size=1, max_size=4)
DIVISORS = st.integers(1, 9)
ROLLOUT = verdict.Rollout("monday", "fleet", "declared", (1, 2), (("all",), ()))


def fleet_after_canaries(names: list[str], waves: list[Any], silent: int = 0) -> Progress:
    """A rollout whose first robots are silent, and whose next ones have passed as canaries."""
    start = Progress(tuple(names), tuple(sizes(waves, len(names))))
    tried = names[: silent + start.sizes[0]]
    return replace(start, answers={name: SILENT if tried.index(name) < silent else UNCHANGED for name in tried}, wave=2)


def waves_of(progress: Progress) -> list[list[str]]:
    """Go through a rollout in which everybody does well; return its batches, of wave 2 and so on."""
    found: list[list[str]] = []
    while progress.batch:
        assert progress.wave == len(found) + 2
        found.append(progress.batch)
        progress = progress.after(dict.fromkeys(progress.batch, UNCHANGED), [])
    return found


def divided(whole: Progress, by: int) -> list[list[list[str]]]:
    """The waves of each shard."""
    return [waves_of(shards.after_canaries(whole, Shard(number, by))) for number in range(1, by + 1)]


@given(NAMES, WAVES, DIVISORS, st.integers(0, 3))
def test_the_shards_are_a_partition_of_each_wave(names: list[str], waves: list[Any], by: int, silent: int) -> None:
    whole = fleet_after_canaries(names, waves, silent)
    left = [name for name in whole.hosts if name not in whole.answers]
    declared = sizes(waves, len(names))[1:] or sizes(waves, len(names))
    parts = divided(whole, by)
    for wave in range(max(map(len, parts))):
        wanted = left[: max(by, declared[min(wave, len(declared) - 1)])]
        mine = [shard[wave] if wave < len(shard) else [] for shard in parts]
        assert sorted(itertools.chain(*mine)) == sorted(wanted), "every robot of the wave has its turn once"
        assert max(map(len, mine)) - min(map(len, mine)) <= 1
        left = left[len(wanted) :]
    assert not left
    totals = [sum(map(len, shard)) for shard in parts]
    assert max(totals) - min(totals) <= 1, "nobody has the odd robot of every wave"


def test_nobody_begins_with_a_later_wave_than_others() -> None:
    """One robot in the second wave, and three shards: two of them must not begin with a third of the fleet each."""
    parts = divided(fleet_after_canaries([f"r{number:02}" for number in range(31)], [1, 1, "100%"]), 3)
    assert [len(shard[0]) for shard in parts] == [1, 1, 1]


@given(NAMES, WAVES, DIVISORS)
def test_no_shard_has_canaries(names: list[str], waves: list[Any], by: int) -> None:
    whole = fleet_after_canaries(names, waves)
    for number in range(1, by + 1):
        mine = shards.after_canaries(whole, Shard(number, by))
        assert not {*mine.hosts} & {*whole.answers}
        assert mine.playbook()["candidates"] == []
        assert mine.playbook()["left"] == list(mine.hosts)
        assert mine.canaries_missing == 0
        assert all(size > 0 for size in mine.playbook()["rest"]), "Ansible takes a batch of 0 for all robots"


@given(NAMES, WAVES, DIVISORS)
def test_the_plays_get_the_batches_that_the_shard_counts_with(names: list[str], waves: list[Any], by: int) -> None:
    mine = shards.after_canaries(fleet_after_canaries(names, waves), Shard(1, by))
    planned, left = [], mine.playbook()["left"]
    for size in mine.playbook()["rest"]:
        if left:
            planned.append(left[:size])
            left = left[size:]
    assert not left
    assert planned == waves_of(mine)


@given(NAMES, DIVISORS, st.randoms())
def test_a_run_without_waves_is_divided_whatever_the_inventorys_order(names: list[str], by: int, random: Any) -> None:
    shuffled = random.sample(names, len(names))
    parts = [shards.whole(names, Shard(number, by)) for number in range(1, by + 1)]
    assert parts == [shards.whole(shuffled, Shard(number, by)) for number in range(1, by + 1)]
    assert sorted(itertools.chain(*parts)) == sorted(names)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(NAMES, WAVES, DIVISORS)
def test_check_mode_asks_everybody_once(names: list[str], waves: list[Any], by: int) -> None:
    start = Progress(tuple(names), tuple(sizes(waves, len(names))))
    parts = [shards.asked(start, shard) for shard in (Shard(), *(Shard(n, by) for n in range(1, by + 1)))]
    assert sorted(itertools.chain(*(part.hosts for part in parts))) == sorted(names)
    assert all(part.check and part.sizes[0] >= max(1, len(part.hosts)) for part in parts)


def test_the_canaries_process_leaves_the_others_alone() -> None:
    start = Progress(tuple("abcd"), (1, 3), only_canaries=True)
    passed = start.after({"a": UNCHANGED}, [])
    assert (passed.canaries_passed, passed.playbook()["left"]) == (True, [])
    assert ending(passed, {}) == [("the canaries have passed: the shards may begin", False)]
    silent = start.after({"a": SILENT}, [])
    assert not silent.canaries_passed
    assert silent.playbook()["candidates"] == ["b", "c", "d"]
    assert ("not reached: b, c, d: the rollout stopped in wave 1", True) in ending(silent, {})


def test_a_shard_stops_in_the_wave_that_it_has_in_the_whole_rollout() -> None:
    mine = shards.after_canaries(fleet_after_canaries(list("abcdefg"), [1, 1, "100%"]), Shard(2, 3))
    mine = mine.after(dict.fromkeys(mine.batch, UNCHANGED), [])
    stopped = mine.after(dict.fromkeys(mine.batch, "failed"), mine.batch)
    assert stopped.stopped == f"{', '.join(mine.batch)} failed in wave 3, rollout_max_failures is 0"


def test_a_rollout_that_was_divided_is_told_as_one() -> None:
    whole = fleet_after_canaries(list("abcde"), [1, "100%"])
    one, two = (shards.after_canaries(whole, Shard(number, 2)) for number in (1, 2))
    canaries = replace(whole, only_canaries=True, answers={"a": "passed"})
    one = one.after(dict.fromkeys(one.batch, "passed"), [])
    two = replace(two, sizes=(1, 1, 1)).after({"c": "failed"}, ["c"])
    lines = [line for line, _ in endings([canaries, one, two], {"c": {"msg": "no"}})]
    assert lines == [
        "changed, and passed the gate: a, b, d",
        "c failed: no",
        "not reached: e: the rollout stopped in wave 2",
        f"why: {two.stopped}",
    ]


@pytest.mark.parametrize(("raw", "name"), [("canaries", "canaries"), ("2/3", "2/3"), (" 1/1 ", "1/1")])
def test_a_shard_has_a_name(raw: str, name: str) -> None:
    found = shards.parse(raw)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("raw", [None, "", "  "])
def test_no_shard_is_a_whole_run(raw: object) -> None:
    assert shards.parse(raw) is None


@pytest.mark.parametrize("raw", ["0/3", "4/3", "1", "1/0", "a/b", "1/2/3", "-1/3", "first", 0.5, "1/99999"])
def test_what_is_no_part_of_a_run_is_refused_by_name(raw: object) -> None:
    with pytest.raises(ShardError, match=r"rollout_shard: .* is no part of a run: write canaries"):
        shards.parse(raw)


@pytest.mark.parametrize("raw", ["../x", ".", "a/b", "a b", "x" * 65, "-x"])
def test_a_run_has_the_name_of_a_folder(raw: str) -> None:
    with pytest.raises(ShardError, match="cannot be the name of a folder"):
        shards.run_name(raw)


def test_a_run_without_a_name_is_refused_but_in_a_workflow() -> None:
    with pytest.raises(ShardError, match="rollout_run is missing"):
        shards.run_name("")
    assert shards.run_name("", 17) == "workflow-17"
    assert shards.run_name("monday", 17) == "monday"


def passed(**changes: Any) -> dict[str, Any]:
    progress = Progress(tuple("abc"), (1, 2), wave=2, answers={"a": UNCHANGED}, only_canaries=True)
    return {**verdict.of(ROLLOUT, progress), **changes}


def let_through(raw: Any, rollout: verdict.Rollout = ROLLOUT) -> Progress:
    return verdict.after(raw, "canaries.json", rollout, Progress(tuple("abc"), (1, 2)))[0]


def test_shards_go_on_where_the_canaries_have_brought_the_rollout() -> None:
    assert (let_through(passed()).answers, let_through(passed()).wave) == ({"a": UNCHANGED}, 2)
    assert let_through({**passed(), "of a later version": 1}).wave == 2


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (None, "canaries.json is missing"),
        ([], "is no verdict"),
        ({}, "is no verdict"),
        (passed(answers={"a": "fine"}), "is no verdict"),
        (passed(passed="yes"), "is no verdict"),
        (passed(format=9, least_format=9), "a newer version of this project wrote it"),
        (passed(passed=False, stopped="a failed in wave 1"), "have not passed: a failed in wave 1"),
        (passed(passed=False), "have not passed: too few of them answered"),
        (passed(run="sunday"), "is of run sunday, and this is run monday"),
        (passed(fleet="other"), "the same inventory, the same --limit"),
        (passed(sizes=[2, 2]), "the same rollout_waves"),
        (passed(tags=[["sensor_service"], []]), "the tags sensor_service, and this one has all"),
        (passed(tags=None), "and this one has all"),
        (passed(declared="other"), "is about another declaration"),
    ],
)
def test_nobody_overtakes_the_canaries(raw: Any, why: str) -> None:
    with pytest.raises(ShardError, match="rollout_shard") as refusal:
        let_through(raw)
    assert why in str(refusal.value)
    assert str(refusal.value).endswith("No robot was contacted.")


def test_two_verdicts_are_never_taken_for_one() -> None:
    assert passed()["token"] != passed()["token"]


SLICE = {"workflow_job_id": 9, "workflow_job_name": "Deploy", "job_template_name": "Deploy"}


@pytest.mark.parametrize("prefix", ["awx", "tower"])
def test_a_slice_of_a_sliced_job_is_known_by_its_workflows_name(prefix: str) -> None:
    said = {f"{prefix}_{name}": value for name, value in SLICE.items()}
    assert awx.sliced(said) == "Deploy"
    assert 'the sliced job "Deploy"' in awx.refusal("Deploy")
    assert awx.sliced({**said, f"{prefix}_workflow_job_name": "Every night"}) == ""
    assert awx.sliced({f"{prefix}_job_template_name": "Deploy", f"{prefix}_job_id": 3}) == ""
    assert awx.sliced({}) == ""


def test_tags_in_another_order_are_the_same_rollout() -> None:
    """Ansible makes them of a set, so that their order is another one in each process."""
    progress = Progress(tuple("abc"), (1, 2), answers={"a": UNCHANGED}, wave=2)
    orders = [{"ansible_run_tags": run, "ansible_skip_tags": skip} for run, skip in (("xyz", "pq"), ("zxyx", "qp"))]
    canaries, shard = (common.found("monday", progress.hosts, progress.sizes, tags) for tags in orders)
    _, token = verdict.after(verdict.of(canaries, progress), "canaries.json", shard, progress)
    assert token
    tags = {"ansible_run_tags": "xy", "ansible_skip_tags": "pq"}
    other = common.found("monday", progress.hosts, progress.sizes, tags)
    with pytest.raises(ShardError, match=r"with the tags x, y, z, without p, q, and this one has x, y, without p, q"):
        verdict.after(verdict.of(canaries, progress), "canaries.json", other, progress)
