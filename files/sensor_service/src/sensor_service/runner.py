"""Runs the collectors so that a hanging sensor read holds up nothing but itself.

Collectors run one after the other on a worker thread that sleeps between rounds. A read that hangs (I2C can, for
seconds) keeps its worker. When a collector takes longer than its fair share of time, a further worker carries on with
the rest of the round; at the deadline, or shortly before who asked gives up, the round ends with what each collector
has read by then. While one hangs in an attribute, further rounds go past that one; where it hangs a second time, or
elsewhere, the whole collector is left out, so that there are never more than two workers for each.

`threading` would cost more memory than this file; the locks and threads of `_thread` are all that is needed.
"""

from __future__ import annotations

import time
from _thread import allocate_lock, start_new_thread

from .output import Family, Output, describe_whole, listed
from .slow import Slow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable

    from .catalogue import Collector
    from .robot import Robot

# Share of the deadline in which a round passes by the collectors that hang, so that the others keep the rest.
PATIENCE_SHARE = 0.5
# How often one collector may hang at once.
MOST_HANGING = 2
# Share of the time after which who asked gives up; the rest is for the text, and its way.
TIMEOUT_SHARE = 0.9


class Task:
    """One collector in one round: what it put out, the time it took in seconds, and why it failed ("" where not)."""

    __slots__ = ("collect", "done", "error", "late", "name", "output", "seconds", "started")

    def __init__(self, name: str, collect: Collector, left_out: frozenset[str]) -> None:
        """Starts as not begun."""
        self.name = name
        self.collect = collect
        self.output = Output(left_out)
        self.started = 0.0
        self.seconds = 0.0
        self.error = ""
        self.late = ""  # what to say of the time that it did not keep
        self.done = False


class Result:
    """What a round knows of one collector when it ends: where it did not answer in time, what it had read by then.

    `parts` are whole or none. `error` tells the `faults`, which map what is at fault to what to say of it, and how many
    `more`.
    """

    __slots__ = ("error", "families", "faults", "more", "name", "parts", "seconds")

    def __init__(self, task: Task) -> None:
        """Takes over what a task has come to."""
        self.name = task.name
        self.seconds = task.seconds
        self.error = task.error
        self.families = task.output.families if task.done else _so_far(task.output)
        self.parts = task.output.parts if task.done else []
        self.more = task.output.more
        self.faults: dict[str, str] = {}
        for fault in task.output.faults if task.done else [*task.output.faults, task.late]:
            subject, found, _ = fault.partition(": ")
            self.faults.setdefault(subject if found else "", fault)


def _so_far(output: Output) -> dict[str, Family]:
    """Returns a copy of what a collector has put out that may still be writing: each dict is copied at once."""
    found = {}
    for name, family in output.families.copy().items():
        samples = family.samples.copy()
        if samples:  # it may have been about to get its first one
            found[name] = Family(family.metric)
            found[name].samples = samples
    return found


class Runner:
    """Runs rounds of collectors, one round at a time, for a thread that waits in a poll of its own.

    `wake` is called from a worker thread when a round is complete. `deadline` is in seconds.
    """

    def __init__(
        self,
        robot: Robot,
        collectors: dict[str, Collector],
        deadline: float,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepares; the first worker starts with the first round."""
        self._robot = robot
        self._collectors = collectors
        self._deadline = deadline
        self._limit = deadline  # of the round that is under way
        self._patience = 0.0
        self._wake = wake
        self._clock = clock
        self._lock = allocate_lock()
        self._tasks: list[Task] = []  # of the round that is under way
        self._queue: list[Task] = []  # those not begun, the next one last
        self._hanging: dict[str, list[Task]] = {}  # by name: begun and not returned, whatever the round
        self._slow: dict[str, Slow] = {}  # by name: of those that were ever late
        self._sleeping: list[LockType] = []  # one locked lock for each worker without work
        self._ends = 0.0
        self._picked = 0.0
        self.workers = 0

    def start(self, timeout: float) -> None:
        """Begins a round for who gives up after `timeout` seconds. The one before must have been finished."""
        now = self._clock()
        with self._lock:
            self._limit = min(self._deadline, timeout * TIMEOUT_SHARE)
            self._patience = self._limit * PATIENCE_SHARE / max(len(self._collectors), 1)
            self._tasks = [self._task(name, collect, now) for name, collect in self._collectors.items()]
            self._queue = [task for task in reversed(self._tasks) if not task.error]
            self._ends = now + self._limit
            self._picked = now
            if self._queue:
                self._call_worker()

    def _task(self, name: str, collect: Collector, now: float) -> Task:
        """Returns a collector's task in a round that begins. Call with the lock held."""
        hanging = self._hanging.get(name, [])
        slow = self._slow.get(name)
        in_which = {before.output.at for before in hanging}
        task = Task(name, collect, (slow.left_out(now) if slow else frozenset()) | in_which)
        if len(hanging) >= MOST_HANGING or "" in in_which:  # nobody knows what to go past
            task.started = hanging[0].started
            task.error = task.late = "has not returned from an earlier scrape"
        return task

    def next_check(self) -> float:
        """Returns when, by the runner's clock, `finish` should be asked again even if nobody called `wake`."""
        with self._lock:
            return min(self._ends, self._picked + self._patience) if self._queue else self._ends

    def finish(self) -> list[Result] | None:
        """Returns the results once every collector has answered or the deadline is over, None before that."""
        now = self._clock()
        with self._lock:
            # an error without an answer: left out, because it still hangs
            waiting = any(not task.done and not task.error for task in self._tasks)
            if waiting and now < self._ends:
                if self._queue and now >= self._picked + self._patience:
                    self._picked = now
                    self._call_worker()
                return None
            self._queue = []
            for task in self._tasks:
                if not task.done:
                    self._end(task, now)
                elif task.name in self._slow:
                    self._slow[task.name].in_time()
            return [Result(task) for task in self._tasks]

    def _end(self, task: Task, now: float) -> None:
        """Ends a task that has not answered. Call with the lock held."""
        task.seconds = now - task.started if task.started else 0.0
        if not task.late:
            at = task.output.at
            task.late = f"{at}: no answer within {self._limit:g} s" if at else f"no answer within {self._limit:g} s"
            if at:
                self._slow.setdefault(task.name, Slow()).ended_in(at, now)
        task.error = listed([*task.output.faults, task.late], task.output.more)

    def _call_worker(self) -> None:
        """Wakes a worker, or makes one. Call with the lock held."""
        if self._sleeping:
            self._sleeping.pop().release()
            return
        if self.workers > MOST_HANGING * len(self._collectors):
            return
        try:
            start_new_thread(self._work, ())
        except RuntimeError:
            return  # no thread to be had just now: the deadline ends this round, the next one tries again
        self.workers += 1

    def _work(self) -> None:
        bell = allocate_lock()
        bell.acquire()
        task: Task | None = None
        error = ""
        while True:
            with self._lock:
                complete = task is not None and self._close(task, error)
                task = self._next_task()
                stays = task is not None or not self._sleeping  # one sleeping worker is enough
                if not stays:
                    self.workers -= 1
                elif not task:
                    self._sleeping.append(bell)
            # Told only when this worker can be called again: the next round would make another one.
            if complete:
                self._wake()
            if task:
                error = self._collect(task)
            elif stays:
                bell.acquire()
            else:
                return

    def _next_task(self) -> Task | None:
        """Returns the next task, marked as begun, or None. Call with the lock held."""
        if not self._queue:
            return None
        task = self._queue.pop()
        task.started = self._picked = self._clock()
        self._hanging.setdefault(task.name, []).append(task)
        return task

    def _collect(self, task: Task) -> str:
        """Runs a collector and returns why it failed, "" where it did not."""
        try:
            task.collect(self._robot, task.output)
        except BaseException as failure:  # a worker must outlive whatever a collector does
            task.output.faults.insert(0, describe_whole(failure))
        return listed(task.output.faults, task.output.more)

    def _close(self, task: Task, error: str) -> bool:
        """Marks a task as answered; returns whether it was the round's last. Call with the lock held."""
        task.error = error
        task.seconds = self._clock() - task.started
        task.done = True
        self._hanging[task.name].remove(task)
        return not self._queue and all(other.done or other.error for other in self._tasks)
