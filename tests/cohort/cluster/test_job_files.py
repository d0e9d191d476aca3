"""Job files: the scripts that Slurm, PBS and SGE are given, and files that are refused."""

import sys

import pytest

from napari_mrf.cohort.cluster.connection import Place, connected
from napari_mrf.cohort.cluster.job_files import cluster_of, read_job_file
from napari_mrf.errors import MRFInputError

pytest.importorskip("dask_jobqueue")

SLURM = """\
jobqueue:
  slurm:
    cores: 8
    memory: 32GB
    walltime: "04:00:00"
    queue: normal
    account: imaging
    protocol: tcp
    job-script-prologue:
      - module load python
"""
SLURM_SCRIPT = """\
#!/usr/bin/env bash

#SBATCH -J napari-mrf
#SBATCH -p normal
#SBATCH -A imaging
#SBATCH -n 1
#SBATCH --cpus-per-task=8
#SBATCH --mem=30G
#SBATCH -t 04:00:00
export OMP_NUM_THREADS=8
export MKL_NUM_THREADS=8
module load python
PYTHON -m distributed.cli.dask_worker ADDRESS --name dummy-name --nthreads 8 --memory-limit \
29.80GiB --nanny --death-timeout 60 --nthreads 1 --protocol tcp
"""
PBS = """\
jobqueue:
  pbs:
    cores: 4
    processes: 2
    memory: 16GB
    walltime: "01:00:00"
    queue: batch
    resource-spec: select=1:ncpus=4:mem=16GB
    protocol: tcp
"""
PBS_SCRIPT = """\
#!/usr/bin/env bash

#PBS -N napari-mrf
#PBS -q batch
#PBS -l select=1:ncpus=4:mem=16GB
#PBS -l walltime=01:00:00
export OMP_NUM_THREADS=2
export MKL_NUM_THREADS=2
PYTHON -m distributed.cli.dask_worker ADDRESS --name dummy-name --nthreads 2 --memory-limit \
7.45GiB --nworkers 2 --nanny --death-timeout 60 --nthreads 1 --protocol tcp
"""
SGE = """\
jobqueue:
  sge:
    cores: 2
    memory: 8GB
    queue: all.q
    resource-spec: m_mem_free=8G
    walltime: "00:30:00"
    protocol: tcp
"""
SGE_SCRIPT = """\
#!/usr/bin/env bash

#$ -N napari-mrf
#$ -q all.q
#$ -l m_mem_free=8G
#$ -l h_rt=00:30:00
#$ -cwd
#$ -j y
export OMP_NUM_THREADS=2
export MKL_NUM_THREADS=2
PYTHON -m distributed.cli.dask_worker ADDRESS --name dummy-name --nthreads 2 --memory-limit \
7.45GiB --nanny --death-timeout 60 --nthreads 1 --protocol tcp
"""


@pytest.fixture
def job_file(tmp_path):
    def write(text):
        path = tmp_path / "jobs.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("text", "script"), [(SLURM, SLURM_SCRIPT), (PBS, PBS_SCRIPT), (SGE, SGE_SCRIPT)]
)
def test_script_of_a_job_is_as_expected(job_file, text, script):
    with cluster_of(job_file(text)) as cluster:
        found = cluster.job_script()
        address = cluster.scheduler_address
    found = found.replace(sys.executable, "PYTHON").replace(address, "ADDRESS")
    assert [line for line in found.splitlines() if line] == [
        line for line in script.splitlines() if line
    ]


def test_jobs_are_encrypted_unless_told_otherwise(job_file, tmp_path):
    text = SLURM.replace("    protocol: tcp\n", f"    shared-temp-directory: {tmp_path}\n")
    with cluster_of(job_file(text)) as cluster:
        assert cluster.scheduler_address.startswith("tls://")
        words = cluster.job_script().split()
    files = [words[words.index(name) + 1] for name in ("--tls-ca-file", "--tls-cert", "--tls-key")]
    assert all(name.startswith(str(tmp_path)) for name in files)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "None"),
        ("jobqueue: [1", "expected"),
        ("jobqueue:\n  condor:\n    cores: 1\n", "jobqueue"),
        ("jobqueue:\n  slurm:\n    cores: 1\n  pbs:\n    cores: 1\n", "jobqueue"),
        ("jobqueue:\n  slurm:\n", "nothing below slurm"),
        ("jobqueue:\n  slurm:\n    cores: 2\n", "no memory"),
        ("jobqueue:\n  slurm: &a\n    cores: 2\n    memory: 1GB\n    name: *a\n", "alias"),
        (SLURM + "    wall-time: 1\n", "wall_time"),
        (SLURM.replace("32GB", "much"), "much"),
        (SLURM.replace("cores: 8", "cores: eight"), "eight"),
        ("a: !!python/object/apply:os.system [ls]\n", "python/object"),
    ],
)
def test_file_that_describes_no_cluster_is_refused(job_file, text, told):
    with pytest.raises(MRFInputError) as caught:
        cluster_of(job_file(text))
    assert caught.value.code == "bad-cluster" and told in str(caught.value)


def test_number_of_jobs_has_to_be_said(job_file):
    system, options = read_job_file(job_file(SLURM))
    assert system == "slurm" and options["job_script_prologue"] == ["module load python"]
    for wrong in ({"job_file": job_file(SLURM)}, {"workers": 0}, {"memory_mb": 5},
                  {"workers": 1, "scheduler": "tcp://127.0.0.1:1"}):  # fmt: skip
        with pytest.raises(MRFInputError, match=r"Give|worker"):
            Place(**wrong)


def test_machine_without_the_programs_of_the_cluster_is_told(job_file, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    place = Place(job_file=job_file(PBS), workers=2)
    with pytest.raises(MRFInputError, match="qsub is not on this machine"), connected(place):
        pass
