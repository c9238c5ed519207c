"""The tables of whole hubs in docs/scale.md, as Markdown. Pure: results in, text out; what was not seen is a dash."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.tables import NOT_MEASURED, machine, table

DATABASE, STORAGE = "victoriametrics", "vmstorage"
# Programs of a cluster, each beside what does its work on one host; a cluster alone has the others.
PAIRS = ((DATABASE, STORAGE), ("vmauth", "vmauth"), ("vmalert", "vmalert"), ("", "vminsert"), ("", "vmselect"),
         ("", "vmagent"))  # fmt: skip
PEAK, HELD, CPU = "peak_mib", "held_mib", "cpu_seconds_per_million"
TAKEN, TOO_MANY = "2XX", "429"
AT_FLOOR = ("limit_mib", PEAK, HELD, "major_faults")
NOTHING = f"{NOT_MEASURED.capitalize()} yet."
Figures = Mapping[str, Any]


def sent(found: Figures) -> str:
    """Return what a hub of one host took of robots that send, and the database of the same as text."""
    made = found.get("sent")
    if not made:
        return NOTHING
    fleets = made["fleets"]
    head = ["Robots", "series", "taken in (s)", "bytes a sample, compressed", "on the wire", "requests",
            "refused (429)", "refused otherwise", "not answered in time", "samples missing", "slowest query (ms)",
            "serves"]  # fmt: skip
    programs = ["Robots", "program", "limit (MiB)", "peak (MiB)", "as text", "times", "held (MiB)", "as text",
                "CPU s per million", "as text", "major faults"]  # fmt: skip
    return "\n\n".join(
        [
            f"{machine(made)} All of it took {made['seconds']} s.",
            table(head, [_sending(fleet) for fleet in fleets]),
            table(programs, [row for fleet in fleets for row in _programs(fleet)]),
            _in_short(fleets[-1]),
        ]
    )


def _sending(fleet: Figures) -> list[Any]:
    answers, sizes = fleet.get("answers", {}), fleet.get("bytes_per_sample", {})
    others = sum(count for code, count in answers.items() if code not in (TAKEN, TOO_MANY))
    return [
        fleet["robots"],
        f"{fleet['series']:,}",
        fleet.get("seconds", "-"),
        sizes.get("compressed", "-"),
        sizes.get("wire", "-"),
        f"{sum(answers.values()):,}" if answers else "-",
        answers.get(TOO_MANY, 0) if answers else "-",
        others if answers else "-",
        fleet.get("not_answered", "-"),
        fleet.get("missing", "-"),
        round(fleet["slowest_query_ms"]) if "slowest_query_ms" in fleet else "-",
        _verdict(fleet),
    ]


def _verdict(fleet: Figures) -> str:
    against = " ".join("; ".join(fleet["against"]).split())[:90].replace("|", "\\|")
    return f"no: {against}" if against else "yes"


def _programs(fleet: Figures) -> list[list[Any]]:
    """Return a row for each program of the host."""
    (host,) = fleet["hosts"].values() or ({},)
    rows = []
    for name, part in sorted(host.items()):
        text = fleet["as_text"] if name == DATABASE else {}
        rows.append([
            fleet["robots"], name, part["limit_mib"],
            part[PEAK], text.get(PEAK, "-"), times(part.get(PEAK), text.get(PEAK)),
            part.get(HELD, "-"), text.get(HELD, "-"), part.get(CPU, "-"), text.get(CPU, "-"),
            part.get("major_faults", "-"),
        ])  # fmt: skip
    return rows


def times(this: float | None, that: float | None) -> str:
    """Return how many times ``that`` is in ``this``."""
    return f"{this / that:.2f}" if this is not None and that else "-"


def _in_short(fleet: Figures) -> str:
    """Return how much of its limit each program of the largest fleet has had at most."""
    (host,) = fleet["hosts"].values() or ({},)
    parts = [f"{name} {part[PEAK]} of its {part['limit_mib']} MiB" for name, part in sorted(host.items())]
    return _filled(f"With {fleet['robots']} robots each had at most: {', '.join(parts)}.") if parts else ""


def cluster(found: Figures) -> str:
    """Return what three hosts took, beside one."""
    made = found.get("cluster")
    if not made:
        return NOTHING
    one, three = made["one"], made["three"]
    head = ["Program", "limit (MiB)", "peak (MiB), one host", "highest of three", "times", "held (MiB), one host",
            "highest of three", "CPU s per million, one host", "three together", "times"]  # fmt: skip
    rows = [_pair(one, three, *pair) for pair in PAIRS]
    return "\n\n".join(
        [
            f"{machine(made)} {one['robots']} robots, {one['series']:,} series; all of it took {made['seconds']} s.",
            table(head, [*rows, _whole(one, three)]),
            _beside(one, three),
        ]
    )


def floors(found: Figures) -> str:
    """Return whether hubs serve in the smallest limits that the inventory gate accepts, and what each part took."""
    made = found.get("floors")
    if not made:
        return NOTHING
    head = ["Hosts", "program", "smallest limit (MiB)", "peak (MiB)", "held (MiB)", "major faults"]
    rows = [
        [len(made[hosts]["hosts"]), name, *(_most(_of(made[hosts], name, figure)) for figure in AT_FLOOR)]
        for hosts in ("one", "three")
        for name in sorted({name for host in made[hosts]["hosts"].values() for name in host})
    ]
    one, three = made["one"], made["three"]
    said = f"One host serves: {_verdict(one)}. Three serve: {_verdict(three)}."
    about = f"{machine(made)} {one['robots']} robots, {one['series']:,} series; all of it took {made['seconds']} s."
    return f"{about} Of three hosts the highest.\n\n{table(head, rows)}\n\n{said}"


def _of(fleet: Figures, name: str, figure: str) -> list[float]:
    """Return a figure of one program, of each host that has it."""
    return [host[name][figure] for host in fleet["hosts"].values() if figure in host.get(name, {})]


def _pair(one: Figures, three: Figures, name: str, of_cluster: str) -> list[Any]:
    peaks, held, cpu = ((_of(one, name, figure), _of(three, of_cluster, figure)) for figure in (PEAK, HELD, CPU))
    called = f"{name}; {of_cluster}" if name and name != of_cluster else of_cluster
    limits = _of(three, of_cluster, "limit_mib")
    return [called, _most(limits), *_two(peaks, max), *_two(held, max)[:2], *_two(cpu, sum)]


def _two(figures: tuple[list[float], list[float]], of_three: Any) -> list[Any]:
    """Return one host's figure, that of three, and how many times the one is in the other."""
    alone, together = figures[0][0] if figures[0] else None, of_three(figures[1]) if figures[1] else None
    shown = [_shown(alone), _shown(together)]
    return [*shown, times(together, alone)]


def _shown(figure: float | None) -> Any:
    return "-" if figure is None else round(figure, 2)


def _most(figures: Iterable[float]) -> Any:
    return max(figures, default="-")


def _whole(one: Figures, three: Figures) -> list[Any]:
    """Return the row of whole hosts: limits and what is held add up, peaks are not at the same moment."""
    limits = max(_sums(three, "limit_mib"), default=0.0)
    cpu = [sum(_sums(fleet, CPU)) for fleet in (one, three)]
    held = [max(_sums(fleet, HELD), default=0.0) for fleet in (one, three)]
    return ["a whole host", round(limits), "-", "-", "-", *(round(most, 1) for most in held),
            *(round(seconds, 2) for seconds in cpu), times(cpu[1], cpu[0])]  # fmt: skip


def _sums(fleet: Figures, figure: str) -> list[float]:
    return [sum(part.get(figure, 0.0) for part in host.values()) for host in fleet["hosts"].values()]


def _beside(one: Figures, three: Figures) -> str:
    """Return what went over the network, and whether every sample was counted."""
    said = [f"One host serves: {_verdict(one)}. Three serve: {_verdict(three)}."]
    if "missing" in three:
        said.append(f"Of {three['samples']:,} samples {three['missing']} were missing through vmselect.")
    sizes, others = one.get("bytes_per_sample", {}), three.get("bytes_per_sample", {})
    if sizes and others:
        said.append(
            f"Bytes a sample on the wire: robots sent {sizes['wire']} to one host and {others['wire']} to three, two "
            f"of which get each of them; the three sent each other {others['between_hosts']}. All was taken in within "
            f"{one['seconds']} s by one host, and within {three['seconds']} s by three on the same computer."
        )
    return _filled(" ".join(said))


def _filled(text: str) -> str:
    return textwrap.fill(text, width=120)
