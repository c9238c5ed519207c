"""What robots without a way out are sent, counted at their network interfaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import delivery
from delivery import FOLDER, MIB, SENSOR, SENSOR_ONLY, STAGING

FOREIGN = "somebody/elses:1"


def image_of(robot: Any, service: str) -> str:
    """The id of the image that a service's container runs."""
    return str(robot.run(f"docker inspect -f '{{{{.Image}}}}' robot-stack-{service}").strip())


def images(robot: Any) -> set[str]:
    """The ids of all images that the robot's engine holds."""
    return set(robot.run("docker images -aq --no-trunc").split())


def test_the_robot_has_no_way_out(robot: Any) -> None:
    assert robot.host.run("ip route get 192.0.2.1").rc != 0
    code = "import socket; socket.create_connection(('192.0.2.1', 443), 3)"
    assert "No route to host" in robot.host.run(f'python3 -c "{code}"').stderr


def test_the_engine_came_from_the_folder(robots: dict[str, Any]) -> None:
    bare = robots["bare"]
    versions = {path.name.split("_")[1] for path in (FOLDER / "packages").glob("docker.io_*.deb")}
    assert bare.run("dpkg-query -W -f '${Version}' docker.io").strip() in versions
    assert bare.run("docker version -f '{{.Server.Version}}'").strip()
    assert bare.host.run("ls /var/lib/apt/lists/*Packages*").rc != 0, "its own package lists were not touched"


def test_a_first_delivery_is_small_and_leaves_the_robot_its_memory(robot: Any, playbook: Any) -> None:
    delivery.removed(robot, playbook)
    whole = delivery.archive(FOLDER / "images").path.stat().st_size
    with delivery.memory_sampled(robot) as rise:
        sent, _ = delivery.deployed(robot, playbook, *SENSOR_ONLY)
    assert whole < sent < 15_000_000
    delivery.note(
        f"{robot.name}: first delivery {sent} bytes, memory that cannot be given back rose by "
        f"{rise.unreclaimable / MIB:.1f} MiB, the working set by {rise.working_set / MIB:.1f} MiB"
    )
    assert rise.unreclaimable < 64 * MIB, f"{rise}: more than half of the engine's allowance"
    assert robot.host.run(f"ls {STAGING}").stdout == ""


def test_a_changed_file_of_the_application_costs_at_most_50_kb(robot: Any, playbook: Any, tmp_path: Path) -> None:
    delivery.deployed(robot, playbook)
    nothing, told = delivery.deployed(robot, playbook)
    assert "Nothing changed." in told
    before = image_of(robot, "sensor_service")
    small, told = delivery.deployed(robot, playbook, *delivery.changed_images(tmp_path / "images", "1"))
    assert image_of(robot, "sensor_service") != before
    assert "sensor_scrape_duration_seconds" in robot.get("http://127.0.0.1:9101/metrics")
    # the robot is asked once more, because it is judged after a change: that costs what a run without a change does
    cost = small - 2 * nothing
    delivery.note(f"{robot.name}: a changed file {cost} bytes more than two runs that change nothing ({nothing} each)")
    assert 10_000 < cost < 50_000, told


def test_sending_a_first_delivery_costs_the_controller_little_cpu(robots: dict[str, Any]) -> None:
    robot, archive = robots["bare"], delivery.archive(FOLDER / "images")
    tries = []
    for _ in range(3):  # the least of them: what else the machine does is not it
        tries.append(delivery.cpu_of_sending(robot, archive.path))
        assert robot.run(f"stat -c %s {STAGING}/{archive.path.name}").strip() == str(archive.path.stat().st_size)
        robot.run(f"rm -r {STAGING}")
    used = min(tries)
    delivery.note(
        f"{robot.name}: sending {archive.path.stat().st_size} bytes took {used:.2f} s of the controller's CPU"
    )
    assert used < 0.3


def test_the_image_that_ran_before_stays_older_ones_go_and_others_images_stay(
    robots: dict[str, Any], playbook: Any, tmp_path: Path
) -> None:
    robot = robots["newer"]
    if FOREIGN not in robot.run("docker images --format '{{.Repository}}:{{.Tag}}'"):
        robot.run(f"tar -c -T /dev/null | docker import - {FOREIGN}")
    foreign = robot.run(f"docker images -q --no-trunc {FOREIGN}").strip()
    ran = []
    for mark in ("2", "3", "4"):
        delivery.deployed(robot, playbook, *delivery.changed_images(tmp_path / mark, mark))
        ran.append(image_of(robot, "sensor_service"))
    assert len(set(ran)) == 3
    assert images(robot) == {foreign, image_of(robot, "victoriametrics"), ran[1], ran[2]}
    delivery.deployed(robot, playbook)
    robot.run(f"docker rmi {FOREIGN}")


def test_a_delivery_that_was_cut_goes_on_where_it_ended(robots: dict[str, Any], playbook: Any) -> None:
    robot, archive = robots["bare"], delivery.archive(FOLDER / "images")
    delivery.removed(robot, playbook)
    content = archive.path.read_bytes()
    half = len(content) // 2
    delivery.lay(robot, content[:half], f"{STAGING}/{archive.path.name}")
    sent, told = delivery.deployed(robot, playbook, *SENSOR_ONLY)
    assert "going on at" in told
    assert len(content) - half < sent < len(content)
    assert "sensor_scrape_duration_seconds" in robot.get("http://127.0.0.1:9101/metrics")
    delivery.deployed(robot, playbook)


def test_a_damaged_part_is_sent_again_from_its_beginning(robots: dict[str, Any], playbook: Any) -> None:
    robot, archive = robots["bare"], delivery.archive(FOLDER / "images")
    delivery.removed(robot, playbook)
    content = bytearray(archive.path.read_bytes())
    half = len(content) // 2
    content[half // 2] ^= 1
    delivery.lay(robot, bytes(content[:half]), f"{STAGING}/{archive.path.name}")
    sent, told = delivery.deployed(robot, playbook, *SENSOR_ONLY)
    assert "going on at" not in told
    assert sent > len(content)
    assert "sensor_scrape_duration_seconds" in robot.get("http://127.0.0.1:9101/metrics")
    delivery.deployed(robot, playbook)


def test_an_engine_that_takes_only_whole_archives_gets_one(
    robots: dict[str, Any], playbook: Any, tmp_path: Path
) -> None:
    robot = robots["newer"]
    delivery.removed(robot, playbook)
    delivery.lay(robot, b'{"features": {"containerd-snapshotter": true}}', "/etc/docker/daemon.json")
    robot.run("systemctl restart docker")
    try:
        assert "io.containerd.snapshotter.v1" in robot.run("docker info")
        delivery.deployed(robot, playbook)
        before = image_of(robot, "sensor_service")
        changed = delivery.changed_images(tmp_path / "images", "5")
        sent, _ = delivery.deployed(robot, playbook, *changed)
        assert sent > delivery.archive(tmp_path / "images").path.stat().st_size
        assert image_of(robot, "sensor_service") != before
        assert "sensor_scrape_duration_seconds" in robot.get("http://127.0.0.1:9101/metrics")
        done = playbook("playbooks/verify.yml", "--limit", robot.name, *changed)
        assert done.returncode == 0, done.stdout
        delivery.removed(robot, playbook)
    finally:
        robot.run("rm /etc/docker/daemon.json && systemctl restart docker")
    delivery.deployed(robot, playbook)


def test_the_stack_runs_inside_its_limits(robot: Any) -> None:
    for service in ("sensor_service", "victoriametrics"):
        limit = robot.declared(f"{service}_memory_limit_mib") * MIB
        assert robot.limits(robot.cgroup(robot.pid(service))) == (limit, limit)
    assert robot.run(f"docker images -q {SENSOR}").strip()
