"""Job files: YAML that describes the workers of a Slurm, PBS or SGE cluster, for dask-jobqueue.

The keys are those of dask-jobqueue's own configuration, below ``jobqueue:`` and the name of the
system.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError, reason

if TYPE_CHECKING:
    from pathlib import Path

SYSTEMS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster"}
_MOST_BYTES = 100_000
_BAD = "bad-cluster"
_OWN = {"protocol": "tls://", "death_timeout": 60, "job_name": "napari-mrf"}
"""Where the file says nothing: encrypted, with certificates made for the run."""
_NEEDED = ("cores", "memory")


def cluster_of(path: Path) -> Any:
    """Return the cluster of a job file, without jobs so far; close it to end them.

    Raises
    ------
    MRFInputError
        ``"bad-cluster"`` naming what is wrong; ``"missing-package"``; ``"no-scheduler"`` where
        the programs of the system are not here.
    """
    system, options = read_job_file(path)
    try:
        import dask_jobqueue
    except ImportError:
        raise MRFInputError("missing-package", "jobs of a cluster need the package dask-jobqueue",
                            hint='Install it: pip install "napari-mrf[cluster]".'
                            ) from None  # fmt: skip
    made = getattr(dask_jobqueue, SYSTEMS[system])
    known = _keywords(made)
    unknown = sorted(options.keys() - known)
    if unknown:
        raise MRFInputError(_BAD, "the job file has unknown keys", path=path,
                            expected=", ".join(sorted(known)), found=", ".join(unknown)
                            )  # fmt: skip
    try:
        return made(**of_one_task(options), n_workers=0)
    except (TypeError, ValueError, OSError) as error:
        raise MRFInputError(_BAD, "the job file cannot be used", path=path, found=reason(error),
                            ) from error  # fmt: skip


def read_job_file(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the system of a job file and its options, with underscores in their names.

    Raises
    ------
    MRFInputError
        ``"bad-cluster"``, and the codes of `read_text`.
    """
    import yaml

    text = read_text(path, "job file", most_bytes=_MOST_BYTES, not_text=_BAD)
    try:
        # Aliases can stand for more than fits into memory; no job file needs any.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise _bad(path, "an alias (*name)")
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _bad(path, reason(error)) from None
    systems = content.get("jobqueue") if isinstance(content, dict) and len(content) == 1 else None
    if not isinstance(systems, dict) or len(systems) != 1 or not set(systems) <= set(SYSTEMS):
        raise _bad(path, str(list(content) if isinstance(content, dict) else content)[:80])
    ((system, given),) = systems.items()
    if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
        raise _bad(path, f"nothing below {system}")
    options = {key.replace("-", "_"): value for key, value in given.items()}
    absent = [name for name in _NEEDED if options.get(name) is None]
    if absent:
        raise _bad(path, f"no {' and no '.join(absent)} below {system}")
    _check_sizes(path, options)
    return system, options


def _check_sizes(path: Path, options: dict[str, Any]) -> None:
    """Refuse sizes that dask-jobqueue would stumble over half way."""
    from dask.utils import parse_bytes

    for name in ("cores", "processes"):
        value = options.get(name, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise _bad(path, f"{name}: {value}")
    try:
        parse_bytes(options["memory"])
    except (ValueError, TypeError, AttributeError):
        raise _bad(path, f"memory: {options['memory']}") from None


def of_one_task(options: dict[str, Any]) -> dict[str, Any]:
    """Return options of jobs whose processes take one subject at a time, on all of their cores."""
    options = {**_OWN, "processes": 1, **options}
    each = max(1, options["cores"] // options["processes"])
    prologue = [f"export {name}={each}" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")]
    options["job_script_prologue"] = [*prologue, *(options.get("job_script_prologue") or [])]
    extra = options.get("worker_extra_args") or []
    options["worker_extra_args"] = [*extra, "--nthreads", "1"]
    if str(options["protocol"]).startswith("tls") and "security" not in options:
        options["security"] = True
    options.setdefault("shared_temp_directory", "~")
    options.setdefault("scheduler_options", {"dashboard_address": "127.0.0.1:0"})
    return options


def _keywords(cluster: Any) -> set[str]:
    """Return the names of the options of a cluster and of its jobs."""
    from dask_jobqueue.core import Job, JobQueueCluster

    names = set()
    for one in (cluster.job_cls, Job, JobQueueCluster):
        names |= set(inspect.signature(one.__init__).parameters)
    return names - {"self", "args", "kwargs", "base_class_kwargs", "job_kwargs", "n_workers",
                    "job_cls", "asynchronous", "loop", "scheduler_cls", "config_name",
                    "scheduler", "name"}  # fmt: skip


def _bad(path: Path, found: str) -> MRFInputError:
    return MRFInputError(
        _BAD, "the job file does not describe a cluster", path=path,
        expected=f"jobqueue:, below it one of {', '.join(SYSTEMS)}, below that at least cores and "
        "memory", found=found,
    )  # fmt: skip
