"""The tables about a whole robot in docs/benchmark.md and README.md, as Markdown. Pure: results in, text out."""

from __future__ import annotations

from typing import Any

from benchmarks.tables import table

from .course import BEFORE, DASHBOARD, DEPLOYED, MOMENTS, REST
from .parts import ENGINE, SERVICE
from .variants import Variant

NONE = "-"
Found = dict[str, dict[str, Any]]


def measured(found: dict[str, Any], variants: list[Variant]) -> str:
    """Return the section of docs/benchmark.md: what could be measured side by side, and what could not."""
    known = ordered(found, variants)
    made = {name: one for name, one in known.items() if "not_measured" not in one}
    if not made:
        return "\n\n".join(["Not measured yet.", missing(known, variants)])
    runs = unchanged(made)
    return "\n\n".join(
        [
            _taken(made),
            _free(made),
            _wholes(made),
            *(f"{about['title'].capitalize()}, part by part:\n\n{_parts(about)}" for about in made.values()),
            *([runs] if runs else []),
            missing(known, variants),
        ]
    ).strip()


def readme(found: dict[str, Any], variants: list[Variant]) -> str:
    """Return README's table: what each variant takes from the robot, with a dashboard open where it has one."""
    made = {name: one for name, one in ordered(found, variants).items() if "not_measured" not in one}
    rows = []
    for about in made.values():
        moment = busiest(about)
        whole = moment["whole"] or {}
        rows.append([
            about["title"],
            more(about, busiest_name(about)),
            more(about, REST),
            of_kind(moment, ENGINE) or NONE,
            whole.get("pss_mib", NONE),
            whole.get("unreclaimable_mib", NONE),
        ])  # fmt: skip
    head = ["MiB of a robot of 512 MB", "more used, a dashboard open", "more used, at rest", "PSS of the engine",
            "PSS of all of it", "not to be reclaimed"]  # fmt: skip
    return table(head, rows) if rows else "Not measured yet."


def ordered(found: dict[str, Any], variants: list[Variant]) -> Found:
    """Return the results of the variants that there are now, in their order."""
    known: Found = found.get("variants", {})
    return {variant.name: known[variant.name] for variant in variants if variant.name in known}


def busiest_name(about: dict[str, Any]) -> str:
    """Return the moment with a dashboard; what can have none was at rest."""
    return DASHBOARD if DASHBOARD in about["moments"] else REST


def busiest(about: dict[str, Any]) -> dict[str, Any]:
    """Return that moment."""
    moment: dict[str, Any] = about["moments"][busiest_name(about)]
    return moment


def more(about: dict[str, Any], name: str) -> float:
    """Return how much more memory the robot used at a moment than before anything was deployed (MiB)."""
    moments = about["moments"]
    return round(float(moments[name]["used_mib"]) - float(moments[BEFORE]["used_mib"]), 1)


def of_kind(moment: dict[str, Any], kind: str) -> float:
    """Return the PSS (MiB) of the engine's processes, or of the services'."""
    return round(sum(float(part["pss_mib"]) for part in moment["parts"] if part["kind"] == kind), 1)


def _taken(made: Found) -> str:
    rows = [
        [about["title"], ", ".join(f"{name} {version}" for name, version in about["versions"].items()) or NONE,
         about["kernel"], about["series"] or NONE, about["date"], f"`{about['commit']}`", f"`{about['command']}`"]
        for about in made.values()
    ]  # fmt: skip
    first = next(iter(made.values()))
    total = first["moments"][BEFORE]["total_mib"]
    words = (
        f"Taken on virtual machines of 512 MB, {first['architecture']} with {first['cpus']} cores, {first['system']}, "
        f"cgroup v2; their kernels leave {total} MiB."
    )
    head = ["What was measured", "versions", "kernel", "series in the database", "on", "commit", "command"]
    return f"{words}\n\n{table(head, rows)}"


def _free(made: Found) -> str:
    rows = []
    for about in made.values():
        moments = about["moments"]
        shown = [f"{moments[name]['used_mib']} / {moments[name]['available_mib']}" if name in moments else NONE
                 for name in MOMENTS]  # fmt: skip
        rows.append(
            [about["title"], *shown, more(about, DEPLOYED), more(about, busiest_name(about)), more(about, REST)]
        )
    head = [
        "`free`: used / available (MiB)",
        *MOMENTS,
        f"more used, {DEPLOYED}",
        "more used, busiest",
        f"more used, {REST}",
    ]
    return table(head, rows)


def _wholes(made: Found) -> str:
    rows = []
    for about in made.values():
        deployment, last = about["highest"]["deployment"], about["highest"]["all"]
        for name in (busiest_name(about), REST) if DASHBOARD in about["moments"] else (REST,):
            moment = about["moments"][name]
            whole = moment["whole"] or {}
            limit = whole.get("limit_mib")
            rows.append([
                f"{about['title']}, {name}", "none" if limit is None else limit,
                *(whole.get(f"{figure}_mib", NONE) for figure in ("pss", "working_set", "unreclaimable", "current")),
                _shown(deployment["working_set_mib"]), _shown(deployment["peak_mib"]), _shown(last["peak_mib"]),
                moment["oom_kills"],
            ])  # fmt: skip
    head = ["All of it, in one slice (MiB)", "limit", "PSS", "working set", "unreclaimable", "page cache included",
            "highest working set while it was deployed", "the kernel's peak then", "the kernel's peak in all",
            "kills"]  # fmt: skip
    return table(head, rows)


def _shown(value: Any) -> Any:
    return NONE if value is None else value


def _parts(about: dict[str, Any]) -> str:
    moments = [(name, about["moments"][name]) for name in (DASHBOARD, REST) if name in about["moments"]]
    names = list(dict.fromkeys((part["kind"], part["name"]) for _, moment in moments for part in moment["parts"]))
    rows = []
    for kind, name in names:
        row: list[Any] = [f"{name}{' (engine)' if kind == ENGINE else ''}"]
        for _, moment in moments:
            part = next((p for p in moment["parts"] if (p["kind"], p["name"]) == (kind, name)), None)
            figures = ("processes", "pss_mib", "working_set_mib", "unreclaimable_mib")
            row += [_shown(part[figure]) for figure in figures] if part else [NONE] * 4
        rows.append(row)
    for kind, words in ((ENGINE, "engine, together"), (SERVICE, "services, together")):
        if any(own == kind for own, _ in names):
            rows.append([words, *(cell for _, moment in moments for cell in (NONE, of_kind(moment, kind), NONE, NONE))])
    figures_of = ("processes", "PSS (MiB)", "working set of its cgroup", "unreclaimable of it")
    head = ["Part", *(f"{figure}, {name}" for name, _ in moments for figure in figures_of)]
    return table(head, rows)


def unchanged(made: Found) -> str:
    """Return what a run without changes costs, as a part of the first variant's: an emulated computer is slow."""
    runs = {about["title"]: about["unchanged"] for about in made.values() if "unchanged" in about}
    if not runs:
        return ""
    first = next(iter(runs.values()))
    rows = [
        [title, *(f"{run[figure] / first[figure]:.2f}" for figure in ("wall_seconds", "robot_cpu_seconds"))]
        for title, run in runs.items()
    ]
    return table(["A run that changes nothing, as a part of the first one's", "wall time", "robot's CPU"], rows)


def missing(known: Found, variants: list[Variant]) -> str:
    """Say aloud what is not in the tables, and why."""
    words = {
        variant.title: known[variant.name]["not_measured"] if variant.name in known else "it has not been run yet"
        for variant in variants
        if "not_measured" in known.get(variant.name, {"not_measured": ""})
    }
    return "\n".join(f"- Not measured: {title}: {reason}" for title, reason in words.items())
