"""Connections to a scheduler: one that runs, one of this machine, or one whose workers are jobs."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_mrf.cohort.engine import Engine, InThisProcess
from napari_mrf.compute.devices import n_threads
from napari_mrf.compute.memory import available_bytes
from napari_mrf.errors import MRFInputError, reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distributed import Client

_LOOPBACK = ("127.", "localhost", "[::1]", "::1")
_CONNECT_S = 10
_MESSAGES = 20


@dataclass(frozen=True)
class Place:
    """Where a cohort is worked on.

    Parameters
    ----------
    scheduler : str or None
        Address of a dask scheduler that runs, such as ``"tcp://127.0.0.1:8786"``.
    workers : int or None
        Processes on this machine, or jobs of a cluster.
    job_file : Path or None
        YAML that describes the jobs of a cluster; see `job_files`.
    memory_mb : int or None
        What a subject needs; estimated where None.
    """

    scheduler: str | None = None
    workers: int | None = None
    job_file: Path | None = None
    memory_mb: int | None = None

    @property
    def is_here(self) -> bool:
        """Whether all is done in this process."""
        return self.scheduler is None and self.workers is None and self.job_file is None

    def __post_init__(self) -> None:
        if self.scheduler is not None and (self.workers is not None or self.job_file is not None):
            raise MRFInputError("bad-option", "a scheduler that runs has workers of its own",
                                hint="Give --scheduler alone, or --workers, with --cluster or "
                                "without.")  # fmt: skip
        if self.job_file is not None and self.workers is None:
            raise MRFInputError("bad-option", "the number of jobs is not given",
                                hint="Give --workers too.")  # fmt: skip
        if self.workers is not None and self.workers < 1:
            raise MRFInputError("bad-option", "there must be a worker", found=self.workers)
        if self.memory_mb is not None and (self.is_here or self.memory_mb < 1):
            raise MRFInputError("bad-option", "the memory of a subject is for workers, above 0",
                                hint="Give --workers or --scheduler too.")  # fmt: skip


@dataclass(frozen=True)
class Connected:
    """An engine that is ready.

    Parameters
    ----------
    engine : Engine
        For `iter_run`.
    dashboard : str
        Address of the page that shows what workers do; empty where there is none.
    warnings : tuple of str
        Sentences a user should read.
    """

    engine: Engine
    dashboard: str = ""
    warnings: tuple[str, ...] = ()


@contextmanager
def connected(place: Place) -> Iterator[Connected]:
    """Connect to where a cohort is worked on; what was started for it ends with it.

    Raises
    ------
    MRFInputError
        ``"missing-package"`` without the extra, ``"no-scheduler"`` where none answers,
        ``"bad-cluster"`` for a job file that is not understood.
    """
    if place.is_here:
        yield Connected(InThisProcess())
        return
    try:
        import dask
        import distributed
    except ImportError:
        raise MRFInputError(
            "missing-package", "workers need the package distributed",
            hint='Install it: pip install "napari-mrf[cluster]". Without --scheduler, --workers '
            "and --cluster the cohort runs in this process.",
        ) from None  # fmt: skip
    from napari_mrf.cohort.cluster.engine import OnCluster

    with ExitStack() as stack:
        # Else the client, and a scheduler in its process, keep their last 1,000 messages whole.
        stack.enter_context(dask.config.set({"distributed.admin.low-level-log-length": _MESSAGES}))
        n_pinned = 0
        target: Any = place.scheduler
        if place.job_file is not None:
            from napari_mrf.cohort.cluster.job_files import cluster_of

            target = stack.enter_context(cluster_of(place.job_file))
            _check_program(target.job_cls.submit_command, place.job_file)
            target.scale(jobs=place.workers)
        elif place.workers is not None:
            n_pinned = place.workers
            target = stack.enter_context(_local_cluster(place.workers))
        try:
            client = stack.enter_context(
                distributed.Client(target, timeout=_CONNECT_S, set_as_default=False)
            )
        except (OSError, ValueError, TypeError) as error:
            raise MRFInputError(
                "no-scheduler", "no scheduler answers at this address", found=str(place.scheduler),
                expected="an address such as tcp://127.0.0.1:8786 or tls://host:8786",
                hint=f"Check that `dask scheduler` runs there, and its certificates for tls "
                f"({reason(error)}).",
            ) from error  # fmt: skip
        warnings = (_UNPROTECTED,) if is_open(place.scheduler) else ()
        engine = OnCluster(client, memory_mb=place.memory_mb, n_pinned=n_pinned)
        yield Connected(engine, _dashboard(client), warnings)


_UNPROTECTED = (
    "The scheduler is reached over tcp, not tls: whoever reaches its port can run programs as you. "
    "See docs/cohorts.md."
)


def is_open(address: str | None) -> bool:
    """Return whether an address lies beyond this machine and is not encrypted."""
    if address is None or address.startswith(("tls://", "inproc://")):
        return False
    return not address.rpartition("://")[2].startswith(_LOOPBACK)


def _check_program(command: str, path: Path) -> None:
    """Refuse a job file where the program that takes jobs is not here."""
    program = command.split()[0]
    if shutil.which(program) is None:
        raise MRFInputError("bad-cluster", f"the program {program} is not on this machine",
                            path=path, hint="Run the command where jobs of this cluster are "
                            "submitted.")  # fmt: skip


def _local_cluster(n: int) -> Any:
    from distributed import LocalCluster
    from distributed.system import MEMORY_LIMIT  # also that of a container

    each = max(1, n_threads() // n)
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    try:
        return LocalCluster(
            n_workers=n, threads_per_worker=1, processes=True, host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=min(available_bytes(), MEMORY_LIMIT) // n,
            env=dict.fromkeys(names, str(each)), silence_logs=50,
        )  # fmt: skip
    except RuntimeError as error:  # of a process that ended while it started
        raise MRFInputError("no-workers", "the workers could not be started on this machine",
                            found=reason(error), hint="Mostly the memory did not suffice: ask for "
                            "fewer. In Python, start them below `if __name__ == \"__main__\":`."
                            ) from error  # fmt: skip


def _dashboard(client: Client) -> str:
    """Return the address of the dashboard, which needs bokeh beside the scheduler."""
    try:
        return str(client.dashboard_link or "")
    except (KeyError, ValueError):
        return ""
