"""Random images made while a network learns: the same on any number of processes, and none left."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from pydantic import ValidationError
from training_cases import finish

from napari_mrf import MRFInputError, Sequence, simulate
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.zoo import network_info
from napari_mrf.reproduction.found_networks import training_words
from napari_mrf.training.data import slice_makers
from napari_mrf.training.data.batches import order_of
from napari_mrf.training.data.random_patches import random_images
from napari_mrf.training.data.random_slices import SliceNumber, SlicePlan
from napari_mrf.training.data.slice_makers import SliceMakers
from napari_mrf.training.loop.loop import train
from napari_mrf.training.recipe import PhantomImages, RandomImages, RandomTissues, Recipe
from napari_mrf.training.run import build, run, training_data

MAPS = {"FF": (0.0, 1.0), "T1H2O": (400.0, 3100.0), "T1fat": (180.0, 500.0),
        "Df": (-150.0, 150.0), "B1": (0.25, 1.25)}  # fmt: skip
NETWORK = "balsiger2018"
MARGIN = 2


@pytest.fixture
def sequence_file(short, tmp_path):
    path = tmp_path / "short.json"
    short.to_json(path)
    return path


def record(sequence="t1ff", maps=MAPS, network=NETWORK, optimisation=None, noise=None, **data):
    return {
        "network": network,
        "sequence": str(sequence),
        "maps": {key: {"lower": low, "upper": high} for key, (low, high) in maps.items()},
        "noise": noise or {"sigma_lower": 0.001, "sigma_upper": 0.03},
        "data": {"kind": "random", "patches": 14, "validation_patches": 5, "patches_per_slice": 3,
                 "patch": 7, "matrix_lower": 32, "matrix_upper": 36, "phantoms": 0.0, **data},
        "optimisation": {"batch": 4, "epochs": 3, "loss": "absolute", **(optimisation or {})},
    }  # fmt: skip


def recipe(*args, **changes):
    return Recipe.model_validate(record(*args, **changes))


def plan_of(sequence, of, seed=0):
    ranges = {key: (one.lower, one.upper) for key, one in of.maps.items()}
    return SlicePlan(sequence, of.data, of.noise, ranges, MARGIN, seed)


def data_of(short, normalization, of=None, workers=0):
    of = of or recipe()
    return random_images(
        of, of.data, short, normalization, network_info(of.network), workers=workers
    )


def children():
    return [one for one in psutil.Process().children() if "slice_makers" in " ".join(one.cmdline())]


def equal(first, second):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True))


def test_random_means_images_for_networks_that_look_at_them_and_tissues_for_others():
    plan = recipe()
    assert isinstance(plan.data, RandomImages)
    again = Recipe.model_validate(plan.model_dump(mode="json"))
    assert again == plan
    assert Recipe.model_validate_json(plan.model_dump_json()) == plan
    single = record(network="cohen") | {"data": {"kind": "random", "tissues": 400}}
    assert isinstance(Recipe.model_validate(single).data, RandomTissues)
    written_out = record() | {"data": RandomTissues().model_dump()}
    assert isinstance(Recipe.model_validate(written_out).data, RandomTissues)
    phantoms = record() | {"data": {"kind": "phantoms"}}
    assert isinstance(Recipe.model_validate(phantoms).data, PhantomImages)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"network": "cohen"}, "patches"),
        ({"matrix_lower": 60}, "matrix_lower"),
        ({"undersampling_lower": 90.0}, "undersampling_lower"),
        ({"coils_lower": 9}, "coils_lower"),
        ({"phantoms": 1.5}, "phantoms"),
        ({"slices": 4}, "slices"),
        ({"optimisation": {"scales": {"T1": 3.0}}}, "T1"),
        ({"optimisation": {"scales": {"FF": 0.0}}}, "scales"),
        ({"optimisation": {"loss": "squared", "scales": {"FF": 0.1}}}, "scales"),
        ({"optimisation": {"loss": "huber"}}, "loss"),
    ],
)
def test_impossible_recipes_name_the_place(changes, found):
    with pytest.raises(ValidationError) as caught:
        recipe(**changes)
    assert found in str(caught.value)


def test_images_for_a_network_of_single_fingerprints_are_refused_in_python_too():
    plan = record(network="cohen") | {"data": RandomImages(kind="random")}
    with pytest.raises(ValidationError, match="single fingerprints"):
        Recipe.model_validate(plan)


@pytest.mark.parametrize(
    ("changes", "found"),
    [({"patch": 29}, "data.patch"), ({"network": "fang", "patch": 12}, "multiple of 8")],
)
def test_patches_that_do_not_fit_are_refused(short, normalization, changes, found):
    with pytest.raises(MRFInputError) as caught:
        data_of(short, normalization, recipe(**changes))
    assert caught.value.code == "bad-recipe"
    assert found in str(caught.value)


def test_patches_are_the_simulation_of_their_maps_wherever_they_are_cut(short):
    quiet = {"sigma_lower": 1e-7, "sigma_upper": 1e-6}
    plan = plan_of(short, recipe(noise=quiet, undersampled=0.0, phantoms=0.3))
    for number in range(8):
        for patch in plan.patches(SliceNumber(0, 2, number)):
            assert patch.signals.shape == (short.n_frames, 11, 11)
            inner = patch.signals[:, 2:-2, 2:-2][:, patch.counted].T
            maps = {key: patch.maps[at][patch.counted] for at, key in enumerate(MAPS)}
            expected = simulate(short, maps)
            product = np.abs((inner * expected.conj()).sum(axis=1))
            size = np.linalg.norm(inner, axis=1) * np.linalg.norm(expected, axis=1)
            assert (product > 0.999 * size).all()
            assert np.isnan(patch.maps[:, ~patch.counted]).all()


def test_only_values_within_the_ranges_of_the_recipe_count(short):
    narrow = MAPS | {"T1H2O": (1000.0, 1600.0), "B1": (0.6, 0.9)}
    counted = 0
    for number in range(8):
        for patch in plan_of(short, recipe(maps=narrow)).patches(SliceNumber(0, 0, number)):
            for at, (low, high) in enumerate(narrow.values()):
                here = patch.maps[at][patch.counted]
                assert ((low <= here) & (here <= high)).all()
            beyond = (patch.maps[4] < 0.6) | (patch.maps[4] > 0.9)
            assert not (beyond & patch.counted).any()
            counted += int(patch.counted.sum())
    assert counted > 100


def test_half_of_the_slices_are_scans_and_shares_are_those_of_the_recipe(short, monkeypatch):
    from napari_mrf.training.data import random_slices

    told = []

    def acquire(subject, sequence, **options):
        told.append((subject.name, subject.foreground.shape[-1], options))
        raise StopIteration

    def drawn(name, matrix):
        return SimpleNamespace(name=name, foreground=np.ones((1, matrix, matrix), bool))

    monkeypatch.setattr(random_slices, "acquire", acquire)
    monkeypatch.setattr(random_slices, "random_subject", lambda _, rng, size: drawn("thigh", size))

    def random_subject(shape, *, seed, index, white_texture):
        return drawn("random" if white_texture else "smooth", shape[0])

    monkeypatch.setattr(random_slices, "RANDOM_SUBJECTS", {"spoiled": random_subject})
    rough = {"spoiled": lambda person, rng: drawn("rough thigh", person.foreground.shape[-1])}
    monkeypatch.setattr(random_slices, "ROUGHENED", rough)
    given = {"phantoms": 0.25, "matrix_lower": 96, "matrix_upper": 128}
    for white_texture in (False, True):
        told.clear()
        plan = plan_of(short, recipe(**given, white_texture=white_texture))
        for number in range(400):
            with pytest.raises(StopIteration):
                plan.patches(SliceNumber(0, 0, number))
        names = {one for one, *_ in told}
        expected = {"random", "rough thigh"} if white_texture else {"smooth"}
        assert names == {"thigh", *expected}
    scans = [(size, options) for _, size, options in told if options["mode"] == "radial"]
    for name in ("thigh", "rough thigh"):
        assert np.mean([one == name for one, *_ in told]) == pytest.approx(0.125, abs=0.06)
    assert len(scans) / 400 == pytest.approx(0.5, abs=0.08)
    assert {one["n_coils"] for _, one in scans} == {3, 4, 5, 6}
    assert {size for _, size, _ in told} == set(range(96, 129))
    for size, one in scans:
        assert 21 < np.pi / 2 * size / one["spokes_per_frame"] < 54  # whole spokes, few of them
    others = [one["noise_reference"] for *_, one in told if one["mode"] == "noise-only"]
    assert np.mean([one == "voxel" for one in others]) == pytest.approx(0.5, abs=0.12)
    sigma = 0.0876762 * 10 ** (-np.array([one["snr_db"] for *_, one in told]) / 20)
    assert sigma.min() >= 0.001 and sigma.max() <= 0.03
    assert np.mean(sigma < np.sqrt(0.001 * 0.03)) == pytest.approx(0.5, abs=0.08)
    assert len({one["seed"] for *_, one in told}) == 400


def test_scans_in_the_subspace_are_near_the_fingerprints_that_gridding_hides(short):
    quiet = {"sigma_lower": 1e-6, "sigma_upper": 2e-6}
    scans = {"undersampled": 1.0, "encoded_matrix": 36, "spokes_per_pulse": 6, "patch": 20}
    found = {}
    for share in (0.0, 1.0):
        plan = plan_of(short, recipe(noise=quiet, subspace=share, **scans))
        alike = []
        for number in range(2):
            first, again = (plan.patches(SliceNumber(0, 0, number)) for _ in range(2))
            assert all(equal(one, other) for one, other in zip(first, again, strict=True))
            inner = first[0].signals[:, 2:-2, 2:-2][:, first[0].counted].T
            maps = {key: first[0].maps[at][first[0].counted] for at, key in enumerate(MAPS)}
            expected = simulate(short, maps)
            product = np.abs((inner * expected.conj()).sum(axis=1))
            size = np.linalg.norm(inner, axis=1) * np.linalg.norm(expected, axis=1)
            alike.append(np.median(product / size))
        found[share] = np.mean(alike)
    assert found[1.0] > 0.99 and 1 - found[1.0] < 0.2 * (1 - found[0.0])


def test_order_uses_every_row_and_puts_patches_of_a_slice_batches_apart(short, normalization):
    plan = recipe(patches=120, optimisation={"batch": 6})
    data = data_of(short, normalization, plan)[0]
    order = data.order()
    assert sorted(order.tolist()) == list(range(120))
    for start in range(12, 96, 6):  # once it has begun and before it ends
        slices = (order[start : start + 6] // 3).tolist()
        assert len(set(slices)) == 6
    first_use = [order.tolist().index(3 * number) for number in range(40)]
    assert first_use == sorted(first_use)
    others = order_of(range(9), torch.Generator().manual_seed(1))
    assert torch.equal(others, torch.randperm(9, generator=torch.Generator().manual_seed(1)))


def test_batches_do_not_depend_on_processes_order_or_earlier_epochs(short, normalization):
    def batches(workers, *, epoch=1, before=False):
        data = data_of(short, normalization, workers=workers)[0]
        if before:
            data.start_epoch(0)
            data.batch(torch.arange(4), torch.Generator())
        data.start_epoch(epoch)
        found = {}
        for rows in torch.split(data.order(), 4):
            batch = data.batch(rows, torch.Generator())
            for at, row in enumerate(rows.tolist()):
                found[row] = (batch.signals[at].numpy(), batch.maps[at].numpy())
        again = data.batch(torch.tensor([5]), torch.Generator())
        assert equal((again.signals[0].numpy(), again.maps[0].numpy()), found[5])
        data.close()
        return found

    alone = batches(0)
    for other in (batches(2), batches(1, before=True)):
        assert all(equal(alone[row], other[row]) for row in range(14))
    assert not equal(alone[0], batches(0, epoch=2)[0])
    assert children() == []


def test_validation_is_made_once_and_is_of_other_subjects(short, normalization, monkeypatch):
    training, validation = data_of(short, normalization)
    first = validation.batch(torch.arange(5), torch.Generator())
    monkeypatch.setattr(SlicePlan, "patches", None)
    again = validation.batch(torch.arange(5), torch.Generator())
    assert torch.equal(first.signals, again.signals)
    monkeypatch.undo()
    other = training.batch(torch.arange(5), torch.Generator())
    assert not torch.equal(first.signals, other.signals)


def test_resumed_training_gives_the_same_weights(sequence_file, tmp_path):
    plan = recipe(sequence_file)

    def begin(workers=0, **options):
        sequence, trained = build(plan)
        training, validation = data_of(sequence, trained.normalization, plan, workers)
        return trained, training, train(plan, trained, training, validation, **options)

    whole, data, work = begin()
    progress = finish(work)
    data.close()
    checkpoint = tmp_path / "a.checkpoint"
    _, data, broken = begin(1, checkpoint=checkpoint)
    next(step for step in broken if step.epoch == 1 and step.share > 0)
    broken.close()
    data.close()
    resumed, data, work = begin(checkpoint=checkpoint)
    course = finish(work)
    data.close()
    assert [row["loss"] for row in course.history] == [row["loss"] for row in progress.history]
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key
    assert children() == []


def test_a_run_that_is_stopped_leaves_no_process(sequence_file, tmp_path):
    work = run(recipe(sequence_file), tmp_path / "weights")
    next(work)
    assert children()
    work.close()
    assert children() == []


def test_learning_takes_one_core_and_leaves_the_others_to_the_makers(sequence_file, tmp_path):
    usual = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        work = run(recipe(sequence_file), tmp_path / "weights")
        next(work)
        assert torch.get_num_threads() == 1
        found = []
        other = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        other.start()
        other.join()
        assert found == [3]  # of a reconstruction beside the training
        work.close()
        assert torch.get_num_threads() == 3
        tissues = record(sequence_file, network="cohen")
        tissues["data"] = {"tissues": 200, "validation_tissues": 50}
        work = run(Recipe.model_validate(tissues), tmp_path / "others")
        next(work)
        assert torch.get_num_threads() == 3
        work.close()
    finally:
        torch.set_num_threads(usual)


def test_an_error_while_a_slice_is_made_is_told_and_leaves_no_process(short, normalization):
    plan = recipe()
    makers = SliceMakers(plan_of(short, plan, seed=-1), 2)  # no generator takes a negative seed
    with pytest.raises(RuntimeError, match="SliceNumber"):
        next(makers.slices([SliceNumber(0, 0, 0)]))
    makers.close()
    assert children() == []


def test_bad_input_is_told_from_the_process_that_found_it(short):
    def refuse(number):
        raise MRFInputError("bad-phantom", "no tissue", expected="some", found=number)

    answer = slice_makers._answer(SimpleNamespace(patches=refuse), SliceNumber(0, 1, 2))
    with pytest.raises(MRFInputError, match="no tissue") as caught:
        slice_makers._patches(answer)
    assert (caught.value.code, caught.value.expected) == ("bad-phantom", "some")
    plan = plan_of(short, recipe())
    assert slice_makers.SlicePlan.from_json(plan.to_json()).to_json() == plan.to_json()


def test_a_process_that_is_lost_is_told(short):
    makers = SliceMakers(plan_of(short, recipe()), 1)
    stream = makers.slices(SliceNumber(0, 0, number) for number in range(50))
    next(stream)
    children()[0].kill()
    with pytest.raises(MRFInputError) as caught:
        list(stream)
    assert caught.value.code == "lost-process"
    assert "checkpoint" in caught.value.hint
    makers.close()
    assert children() == []


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much a pipe holds")
def test_a_process_that_is_stopped_while_it_answers_goes_on(short, monkeypatch):
    expected = next(SliceMakers(plan_of(short, recipe(patch=24)), 0).slices([SliceNumber(0, 0, 0)]))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")  # a plain file may write a part of what it is given
    stopped, read = [], slice_makers._read

    def read_late(stream):
        if not stopped:
            wait_until_full(stream.fileno())
            stopped.extend(children())
            stopped[0].suspend()
            stopped[0].resume()
        return read(stream)

    monkeypatch.setattr(slice_makers, "_read", read_late)
    makers = SliceMakers(plan_of(short, recipe(patch=24)), 1)
    found = next(makers.slices([SliceNumber(0, 0, 0)]))
    makers.close()
    assert len(stopped) == 1
    assert all(map(equal, found, expected))


def wait_until_full(pipe, seconds=60):
    """Wait until a process that writes into a pipe must wait for who reads it."""
    import fcntl
    import termios

    deadline = time.monotonic() + seconds
    capacity = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
    while int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder) < capacity:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_processes_that_cannot_be_started_are_told(short, monkeypatch):
    def full(*_, **__):
        raise OSError("no memory")

    makers = SliceMakers(plan_of(short, recipe()), 1)
    monkeypatch.setattr(subprocess, "Popen", full)
    with pytest.raises(MRFInputError, match="no memory") as caught:
        next(makers.slices([SliceNumber(0, 0, 0)]))
    assert caught.value.code == "lost-process"


def test_processes_begin_anew_after_an_end_and_end_with_their_maker(short):
    makers = SliceMakers(plan_of(short, recipe()), 1)
    makers.close()
    assert len(next(makers.slices([SliceNumber(0, 0, 0)]))) == 3
    assert len(children()) == 1
    del makers
    gc.collect()
    assert children() == []


KILLED = """
import sys; sys.path[:] = {path!r}
import os, psutil
from napari_mrf.data import sequences
from napari_mrf.training.data.random_slices import SliceNumber, SlicePlan
from napari_mrf.training.data.slice_makers import SliceMakers
from napari_mrf.training.recipe import Noise, RandomImages
data = RandomImages(kind="random", matrix_lower=96, matrix_upper=96, undersampled=1.0)
plan = SlicePlan(sequences.t1ff(), data, Noise(), {{"FF": (0.0, 1.0)}}, 0, 0)
stream = SliceMakers(plan, 2).slices(SliceNumber(0, 0, n) for n in range(100))
next(stream)
print(*[one.pid for one in psutil.Process().children()], flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signal")
def test_processes_end_with_a_training_that_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", KILLED.format(path=sys.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as parent:  # fmt: skip
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        processes = [psutil.Process(pid) for pid in pids]
        assert len(processes) == 2
        os.kill(parent.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []


@pytest.mark.parametrize("kind", ["fisp", "fisp-b1"])
def test_images_for_fisp_with_people_among_them(kind):
    rng = np.random.default_rng(0)
    sequence = Sequence(
        name="short", kind=kind, flip_angles_deg=rng.uniform(5, 70, 14), echo_times_ms=2.0,
        repetition_times_ms=12.0, inversion_time_ms=20.0,
    )  # fmt: skip
    maps = {"T1": (100.0, 5000.0), "T2": (10.0, 3000.0)}
    if kind == "fisp-b1":
        maps["B1"] = (0.5, 1.5)
    plan = recipe(maps=maps, phantoms=0.5, undersampling_lower=4.0, undersampling_upper=12.0)
    patches = [one for number in range(6)
               for one in plan_of(sequence, plan).patches(SliceNumber(0, 0, number))]  # fmt: skip
    assert {one.signals.shape for one in patches} == {(14, 11, 11)}
    assert {one.maps.shape for one in patches} == {(len(maps), 7, 7)}
    assert all(np.isfinite(one.signals).all() for one in patches)
    assert np.mean([one.counted.mean() for one in patches]) > 0.5


def test_a_sequence_without_random_subjects_is_refused(short, normalization):
    class Other:
        kind = "bssfp"

    plan = recipe()
    with pytest.raises(MRFInputError) as caught:
        random_images(plan, plan.data, Other(), normalization, network_info(NETWORK))
    assert caught.value.code == "wrong-sequence"


def test_a_whole_training_by_a_recipe_is_tested_on_phantoms(sequence_file, tmp_path, monkeypatch):
    from napari_mrf.training import finishing

    seen = []

    def on_phantoms(plan, sequence, trained, device, sigmas):
        seen.append(plan.data)
        return "phantoms", []

    monkeypatch.setattr(finishing, "metrics_on_phantoms", on_phantoms)
    card = finish(run(recipe(sequence_file, optimisation={"epochs": 1}), tmp_path / "weights"))
    assert seen == [recipe(sequence_file).data]
    assert Recipe.model_validate(card.recipe).data == seen[0]
    assert training_words(card) == "noise 0.001-0.03, random images, 1 epochs"
    assert (tmp_path / "weights" / f"{NETWORK}.safetensors").exists()
    assert children() == []


def test_data_of_a_recipe_is_that_of_its_kind(sequence_file):
    plan = recipe(sequence_file)
    sequence, trained = build(plan)
    assert isinstance(trained, TrainedNetwork)
    training, validation = training_data(plan, sequence, trained.normalization)
    assert (len(training), len(validation)) == (14, 5)
    assert children() == []  # none before the first batch
