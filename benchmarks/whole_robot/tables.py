"""The tables about a whole robot in docs/benchmark.md and README.md, as Markdown. Pure: results in, text out."""

from __future__ import annotations

from typing import Any

from benchmarks.tables import table

from . import goals
from .course import AFTER_CUT, BEFORE, DASHBOARD, DEPLOYED, MOMENTS, REST
from .parts import ENGINE, SERVICE, pss_of
from .variants import Variant

NONE = "-"
Found = dict[str, dict[str, Any]]


def measured(found: dict[str, Any], variants: list[Variant]) -> str:
    """Return the section of docs/benchmark.md: what could be measured side by side, and what could not."""
    known = ordered(found, variants)
    made = measured_ones(known)
    if not made:
        return "\n\n".join(["Not measured yet.", goals.table_of_goals(made), missing(known, variants)])
    sections = [
        _taken(made),
        goals.table_of_goals(made),
        _free(made),
        _wholes(made),
        _course(made),
        _watched(made),
        *(f"{about['title'].capitalize()}, part by part:\n\n{_parts(about)}" for about in made.values()),
        unchanged(made),
        _updates(made),
        missing(known, variants),
    ]
    return "\n\n".join(section for section in sections if section)


def readme(found: dict[str, Any], variants: list[Variant]) -> str:
    """Return README's table: what each variant takes from the robot, with a dashboard open where it has one."""
    rows = []
    for about in measured_ones(ordered(found, variants)).values():
        moment = busiest(about)
        whole = moment["whole"] or {}
        rows.append([
            about["title"],
            more(about, busiest_name(about)),
            more(about, REST),
            pss_of(moment, ENGINE) or NONE,
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


def measured_ones(known: Found) -> Found:
    """Return those of which at least a deployment was measured."""
    return {name: one for name, one in known.items() if DEPLOYED in one.get("moments", {})}


def busiest_name(about: dict[str, Any]) -> str:
    """Return the moment with a dashboard; what can have none was at rest, what got no further was deployed."""
    return next(name for name in (DASHBOARD, REST, DEPLOYED) if name in about["moments"])


def busiest(about: dict[str, Any]) -> dict[str, Any]:
    """Return that moment."""
    moment: dict[str, Any] = about["moments"][busiest_name(about)]
    return moment


def more(about: dict[str, Any], name: str) -> Any:
    """Return how much more memory the robot used at a moment than before anything was deployed (MiB)."""
    moments = about["moments"]
    if name not in moments:
        return NONE
    return round(float(moments[name]["used_mib"]) - float(moments[BEFORE]["used_mib"]), 1)


def _taken(made: Found) -> str:
    rows = [
        [about["title"], ", ".join(f"{name} {version}" for name, version in about["versions"].items()) or NONE,
         about["kernel"], about.get("series") or NONE, about["date"], f"`{about['commit']}`", f"`{about['command']}`"]
        for about in made.values()
    ]  # fmt: skip
    first = next(iter(made.values()))
    total = first["moments"][BEFORE]["total_mib"]
    runs = ", ".join(dict.fromkeys(f"`{about['run']}`" for about in made.values()))
    words = (
        f"Taken by run {runs} on virtual machines of 512 MB, {first['architecture']} with {first['cpus']} cores, "
        f"{first['system']}, cgroup v2; their kernels leave {total} MiB."
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
        for name in (DASHBOARD, REST, AFTER_CUT):
            if name not in about["moments"]:
                continue
            moment = about["moments"][name]
            whole = moment["whole"] or {}
            limit = whole.get("limit_mib")
            figures = ("pss", "working_set", "unreclaimable", "current")
            rows.append([
                f"{about['title']}, {name}", "none" if limit is None else limit,
                *(whole.get(f"{figure}_mib", NONE) for figure in figures),
            ])  # fmt: skip
    head = ["All of it (MiB)", "limit", "PSS", "working set", "unreclaimable", "its slice, page cache included"]
    return table(head, rows) if rows else ""


def _course(made: Found) -> str:
    figures = ("working_set_mib", "current_mib", "peak_mib", "oom_kills", "available_mib")
    rows = [
        [f"{about['title']}, {name}", *(_shown(seen[figure]) for figure in figures)]
        for about in made.values()
        for name, seen in about["highest"].items()
    ]
    head = ["The slice meanwhile (MiB)", "highest working set", "highest, page cache included",
            "the kernel's peak until then", "kills until then", "least that the robot had available"]  # fmt: skip
    return table(head, rows)


def _watched(made: Found) -> str:
    told = [
        f"{about['title']}: {seen['looks']} looks of the watchdog, as many as its timer starts in {seen['hours']:g} "
        f"hours, were started one after another in {seen['seconds'] / 60:.0f} minutes."
        for about in made.values()
        if (seen := about.get("watchdog"))
    ]
    return " ".join(f"{words[0].upper()}{words[1:]}" for words in told)


def _updates(made: Found) -> str:
    rows = [
        [about["title"], seen["layer_kb"], seen["sent_kb"], seen["received_kb"], about["unchanged"]["received_kb"]]
        for about in made.values()
        if (seen := about.get("update"))
    ]
    head = ["An update whose application layer changed (KB)", "the layer on the wire", "sent, as the run tells",
            "received in all", "received by a run that changes nothing"]  # fmt: skip
    return table(head, rows) if rows else ""


def _shown(value: Any) -> Any:
    return NONE if value is None else value


def _parts(about: dict[str, Any]) -> str:
    moments = [(name, about["moments"][name]) for name in (DASHBOARD, REST, AFTER_CUT) if name in about["moments"]]
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
            rows.append([words, *(cell for _, moment in moments for cell in _together(moment, kind))])
    figures_of = ("processes", "PSS (MiB)", "working set of its cgroup", "unreclaimable of it")
    head = ["Part", *(f"{figure}, {name}" for name, _ in moments for figure in figures_of)]
    return table(head, rows)


def _together(moment: dict[str, Any], kind: str) -> list[Any]:
    """Return the sums of a kind's parts; of its cgroups each is in one of them."""
    row: list[Any] = [NONE, pss_of(moment, kind)]
    for figure in ("working_set_mib", "unreclaimable_mib"):
        told = [part[figure] for part in moment["parts"] if part["kind"] == kind and part[figure] is not None]
        row.append(round(sum(told), 1) if told else NONE)
    return row


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
    return "\n".join(
        f"- Not measured: {words}" for variant in variants for words in _missing(variant, known.get(variant.name))
    )


def _missing(variant: Variant, about: dict[str, Any] | None) -> list[str]:
    if about is None:
        return [f"{variant.title}: it has not been run yet"]
    if "not_measured" in about:
        return [f"{variant.title}: {about['not_measured']}"]
    return [f"{variant.title}, {phase}: {reason}" for phase, reason in about.get("missing", {}).items()]
