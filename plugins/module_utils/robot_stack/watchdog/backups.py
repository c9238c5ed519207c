"""When each database of this computer was backed up last, as a page of metrics for the sensor service.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format. Where there is no such job the
page is empty.
"""

from __future__ import annotations

from pathlib import Path

from ..host import systemd
from ..records import job_record, record_file
from ..records.job_record import JobRecord

FILE = "metrics/backups.prom"
LARGEST_SETTINGS = 256 * 1024
_METRICS = (
    ("robot_stack_backup_last_success_timestamp_seconds", "When the last backup was made; 0: none was."),
    ("robot_stack_backup_enabled_timestamp_seconds", "Since when backups are made as they are declared now."),
    ("robot_stack_backup_last_result", "1: the last run made a backup; 0: it failed. Absent before the first."),
    ("robot_stack_backup_last_uploaded_bytes", "What the last backup had to copy."),
    ("robot_stack_backup_last_rows", "Samples in the last backup."),
)


def text(root: Path, units: Path) -> str:
    """Return the page, "" where nothing is backed up; ``root`` is the stack's directory, ``units`` systemd's."""
    found = [(name, _figures(job_record.load(root, name), since)) for name, since in _databases(root, units)]
    lines: list[str] = []
    for metric, words in _METRICS:
        told = [f'{metric}{{database="{name}"}} {figures[metric]}' for name, figures in found if metric in figures]
        lines += [f"# HELP {metric} {words}", f"# TYPE {metric} gauge", *told] if told else []
    return "".join(f"{line}\n" for line in lines)


def _databases(root: Path, units: Path) -> list[tuple[str, float]]:
    """Return the databases that are backed up, and since when that is declared.

    The timer is written where backups are switched on, or at other hours; what a job reads, with each password as well.
    """
    found = []
    for path in sorted((root / job_record.FOLDER).glob("*.json")):
        settings = record_file.opened(record_file.read(path, LARGEST_SETTINGS), [])
        job = settings.inside("job") if settings else None
        if job is not None and job.text("kind") == "backup" and job.text("database").isidentifier():
            timer = units / systemd.job_unit(path.stem, "timer")
            found.append((job.text("database"), (timer if timer.exists() else path).stat().st_mtime))
    return found


def _figures(record: JobRecord, since: float) -> dict[str, int]:
    figures = {
        "robot_stack_backup_last_success_timestamp_seconds": int(record.success_at),
        "robot_stack_backup_enabled_timestamp_seconds": int(since),
    }
    if record.success_at:
        figures["robot_stack_backup_last_uploaded_bytes"] = record.uploaded
        figures["robot_stack_backup_last_rows"] = record.contents.rows
    if record.run_at and (record.failure or record.success_at):
        figures["robot_stack_backup_last_result"] = int(not record.failure)
    return figures
