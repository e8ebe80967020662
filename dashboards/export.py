"""scores.db and the runs into the star's files: monthly, incremental, each whole or not at all."""

import fcntl
import filecmp
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow

from dashboards import cells, clocks, dimensions, ledger, runs, sources
from dashboards.clocks import Clocks
from dashboards.columns import Table
from dashboards.ledger import Ledger
from dashboards.sources import SOURCES, Met, Snapshot, Source
from dashboards.tables import TABLES, WIDE
from dentline.errors import DentlineError
from dentline.recipe import Dashboard
from dentline.workspace import Workspace

_PLAIN = Dashboard()
_THREADS = 2
"""Files written at a time; more would hold more memory than they win."""


@dataclass
class Exported:
    """What an export did.

    Attributes:
        folder: where the files are.
        written: files written, below `folder`; what did not change was not touched.
        repaired: those of them that were missing or cut.
        n_new: new rows of each fact that scores.db holds.
    """

    folder: Path
    written: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    n_new: dict[str, int] = field(default_factory=dict)


def export(
    workspace: Workspace, now: datetime, settings: Dashboard = _PLAIN, parquet: bool = False, wide: bool = False
) -> Exported:
    """Bring the dashboard folder up to date with scores.db and the runs, as they are at one moment.

    New rows of an open month are added to its file. A month is closed once an export ran after its end. A row that
    reaches a closed month later (a clock was set back) goes into a file of its own, ``…_late_N.csv``, and the
    closed file stays as it is.

    Args:
        now: UTC; decides which month is open.
        settings: the recipe's clocks and shifts.
        parquet: also write each table as Parquet, below ``parquet/``.
        wide: also write one CSV with an answer's names, measures and judgement on one row. What was once
            written is kept up to date.

    Raises:
        DentlineError: another export is running, or scores.db cannot be read.
    """
    folder = workspace.dashboard
    with _alone(folder):
        book, times = ledger.load(folder / "export.json"), clocks.of(settings)
        session = _Session(book, times, now.strftime("%Y-%m-%dT%H:%M:%S"), Exported(folder))
        jobs: list[_Job] = []
        if workspace.scores.is_file():
            with sources.snapshot(workspace.scores) as scores:
                session.book = _of_this_database(book, scores, str(times))
                jobs = [job for source in SOURCES for job in session.plan_new(scores, source)]
        for source in SOURCES:
            session.set_aside_strangers(source.table)
        session.write_new(workspace.scores, jobs)
        for source in SOURCES:
            session.open_month(source.table)
        found = runs.read(workspace)
        for table, months in runs.by_month(found, times).items():
            for month in sorted({session.month, *months}):
                session.write_changed(table, months.get(month), _file(table, month))
        dimensions.note_days(session.book, [session.now[:10], *(run.trained_at[:10] for run in found)])
        for table, rows in dimensions.make(workspace, found, session.book, times, settings.shifts).items():
            session.write_changed(table, rows, f"{table.name}.csv")
        if (wide or "wide.csv" in session.book.sizes) and (session.done.written or not session.is_intact("wide.csv")):
            session.write_wide()
        if parquet or (folder / "parquet").is_dir():
            session.write_parquet()
        session.book.exported_at = session.now
        ledger.save(folder / "export.json", session.book)
    return session.done


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DentlineError(str(folder), "another export is writing here", "wait for it to end") from None
        yield


def _of_this_database(book: Ledger, scores: Snapshot, times: str) -> Ledger:
    """Return the ledger, or an empty one if it speaks of another database or clock, or of rows that are no more."""
    identity = scores.identity()
    gone = any(book.rows.get(s.table.name, 0) > scores.newest(s.relation) for s in SOURCES)
    return book if (book.database, book.clocks) == (identity, times) and not gone else Ledger(identity, times)


@dataclass(frozen=True)
class _Job:
    """Rows of `source` that are `within`, for a file. They have been counted, so they change no more."""

    source: Source
    within: str
    file: str
    onto: bool


@dataclass
class _Session:
    book: Ledger
    times: Clocks
    now: str
    done: Exported

    def __post_init__(self) -> None:
        self.now = max(self.now, self.book.exported_at)

    @property
    def month(self) -> str:
        return self.now[:7]

    def plan_new(self, scores: Snapshot, source: Source) -> list[_Job]:
        """Say which months of a fact have new rows, or files that were harmed since they were written."""
        name = source.table.name
        after, upto = self.book.rows.get(name, 0), scores.newest(source.relation)
        new = set(scores.months(source, after)) if upto > after else set()
        harmed = {month for month in self._months_written(source.table) if self._is_harmed(source.table, month)}
        jobs = []
        for month in sorted(new | harmed):
            file, onto = _file(source.table, month), False
            is_kept = file in self.book.sizes and month not in harmed
            within = scores.within(source, month, after if is_kept else 0, upto)
            if month in harmed:
                self._refuse_loss(scores, source, month, within)
                self.done.repaired.append(file)
            elif is_kept:
                onto = not self.book.is_closed(month)
                file = file if onto else file.replace(".csv", f"_late_{after + 1}.csv")
            jobs.append(_Job(source, within, file, onto))
        self.book.rows[name] = upto
        return jobs

    def write_new(self, path: Path, jobs: list[_Job]) -> None:
        """Write the planned files, two at a time: SQLite is read by one thread a file."""

        def write(job: _Job) -> tuple[int, Met]:
            met, table = Met(), job.source.table
            with (
                sources.snapshot(path) as scores,
                scores.stream(job.source, job.within, self.times, met) as batches,
            ):
                return cells.write_csv(table, batches, self.done.folder / job.file, job.onto), met

        before = {source.table: self._n_rows(source.table) for source in SOURCES}
        with ThreadPoolExecutor(_THREADS) as pool:
            for job, (n_rows, met) in zip(jobs, pool.map(write, jobs), strict=True):
                self._note(job.file, n_rows + (self.book.n_rows[job.file] if job.onto else 0))
                if job.file in self.done.repaired:
                    self._forget_late(job.file)
                dimensions.note(self.book, met)
        if path.is_file():
            self.done.n_new = {table.name: self._n_rows(table) - held for table, held in before.items()}

    def is_intact(self, file: str) -> bool:
        return self.book.is_intact(self.done.folder, file)

    def open_month(self, table: Table) -> None:
        """Give a fact a file for the open month, if only its header: a reader always finds the columns."""
        file = _file(table, self.month)
        if not self.is_intact(file):
            self._note(file, cells.write_csv(table, (), self.done.folder / file))

    def set_aside_strangers(self, table: Table) -> None:
        """Move away a fact's files that this ledger did not write: those of another database or clock, or of a lost
        ledger. They may hold rows that scores.db has forgotten."""
        aside = self.done.folder / f"replaced-{self.now.replace(':', '')}"
        for path in (self.done.folder / table.name).glob(f"{table.name}_*.csv"):
            file = path.relative_to(self.done.folder)
            if file.as_posix() not in self.book.sizes:
                (aside / file).parent.mkdir(parents=True, exist_ok=True)
                path.rename(aside / file)

    def write_changed(self, table: Table, rows: pyarrow.RecordBatch | None, file: str) -> None:
        """Write a small file only if its bytes would differ."""
        path, fresh = self.done.folder / file, self.done.folder / ".fresh.csv"
        cells.write_csv(table, [] if rows is None else [rows], fresh)
        if path.is_file() and filecmp.cmp(fresh, path, shallow=False):
            fresh.unlink()
        else:
            path.parent.mkdir(exist_ok=True)
            fresh.replace(path)
            self.done.written.append(file)

    def write_wide(self) -> None:
        from dashboards import readback  # DuckDB, which an export without it need not load

        folder = self.done.folder
        self._note("wide.csv", cells.write_csv(WIDE, readback.wide(folder), folder / "wide.csv"))

    def write_parquet(self) -> None:
        from dashboards import readback

        connection = readback.connect()
        for table in (*TABLES, WIDE):
            for path in self.done.folder.glob(f"{table.name}/*.csv" if table.is_fact else f"{table.name}.csv"):
                file = path.relative_to(self.done.folder)
                target = self.done.folder / "parquet" / file.with_suffix(".parquet")
                if str(file) in self.done.written or not target.is_file():
                    readback.write_parquet(connection, readback.rows(table, path), target)

    def _note(self, file: str, n_rows: int) -> None:
        self.book.n_rows[file] = n_rows
        self.book.sizes[file] = (self.done.folder / file).stat().st_size
        self.done.written.append(file)

    def _months_written(self, table: Table) -> set[str]:
        start = f"{table.name}/{table.name}_"
        return {file[len(start) :][:7] for file in self.book.sizes if file.startswith(start)}

    def _is_harmed(self, table: Table, month: str) -> bool:
        files = [file for file in self.book.sizes if file.startswith(_file(table, month).removesuffix(".csv"))]
        return not all(self.is_intact(file) for file in files)

    def _n_rows(self, table: Table) -> int:
        return sum(n for file, n in self.book.n_rows.items() if file.startswith(f"{table.name}/"))

    def _forget_late(self, repaired: str) -> None:
        """Remove a month's late files, whose rows the repaired one holds."""
        for file in [f for f in self.book.sizes if f.startswith(repaired.replace(".csv", "_late_"))]:
            (self.done.folder / file).unlink(missing_ok=True)
            del self.book.sizes[file], self.book.n_rows[file]

    def _refuse_loss(self, scores: Snapshot, source: Source, month: str, within: str) -> None:
        """Raise if a month's files held rows that scores.db has forgotten since."""
        table = source.table
        files = [file for file in self.book.n_rows if file.startswith(_file(table, month).removesuffix(".csv"))]
        held = sum(self.book.n_rows[file] for file in files)
        if scores.count(source, within) < held:
            raise DentlineError(
                str(self.done.folder / _file(table, month)),
                f"was cut or lost, and scores.db no longer holds all of its {held} rows",
                "put it back from a copy, or move export.json away to start anew from what scores.db holds",
            )


def _file(table: Table, month: str) -> str:
    return f"{table.name}/{table.name}_{month}.csv"
