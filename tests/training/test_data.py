"""The seam between the training loop and its data: images, masks, validation, resumption."""

import math

import pytest
import torch

from napari_mrf import MRFInputError
from napari_mrf.networks.normalization import Normalization
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.training.data.batches import Batch
from napari_mrf.training.evaluation import of_data
from napari_mrf.training.loop.loop import train
from napari_mrf.training.loop.step import map_error
from napari_mrf.training.recipe import Recipe
from napari_mrf.training.run import prepare

FRAMES = 12


def image_recipe(**optimisation):
    return Recipe.model_validate(
        {
            "network": "balsiger2018",
            "maps": {"FF": {"lower": 0.0, "upper": 2.0}, "B1": {"lower": 0.0, "upper": 4.0}},
            "optimisation": {"epochs": 3, "batch": 4, **optimisation},
        }
    )


class Images:
    """Images whose two maps are a share of two known signals; the rim of each is no tissue."""

    def __init__(self, n, *, margin, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.maps = torch.rand((n, 2, 6, 6), generator=generator)
        basis = torch.randn((2, FRAMES), generator=generator)
        signals = torch.einsum("nmhw,mt->nthw", self.maps, basis) + 1.0
        size = 6 + 2 * margin
        wide = torch.zeros((n, FRAMES, size, size))
        wide[:, :, margin : size - margin, margin : size - margin] = signals
        self.signals = torch.complex(wide, torch.zeros_like(wide))
        self.counted = torch.ones((n, 6, 6), dtype=torch.bool)
        self.counted[:, 0] = False
        self.maps[:, :, 0] = math.nan
        self.epochs = []

    def __len__(self):
        return len(self.maps)

    def start_epoch(self, epoch):
        self.epochs.append(epoch)
        self.shift = 0.01 * epoch

    def batch(self, rows, generator):
        noise = 0.01 * torch.randn(self.signals[rows].shape, generator=generator) + self.shift
        return Batch(self.signals[rows] + noise, self.maps[rows], self.counted[rows])


class Small(torch.nn.Module):
    """Looks at 5 x 5 voxels, as the network that the recipe names."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(2 * FRAMES, 16, 5), torch.nn.ReLU(), torch.nn.Conv2d(16, 2, 1)
        )

    def forward(self, images):
        return self.layers(images.flatten(1, 2))


def network():
    torch.manual_seed(0)
    reference = torch.full((FRAMES,), FRAMES**-0.5, dtype=torch.complex64)
    return TrainedNetwork(Small(), Normalization(reference, [0.0, 0.0], [2.0, 4.0]))


def finish(work):
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value


def test_map_error_counts_where_it_is_told_and_nan_elsewhere_leaves_no_trace():
    estimated = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]], requires_grad=True)
    maps = torch.tensor([[[[0.0, math.nan]], [[1.0, math.nan]]]])
    loss = map_error(estimated, maps, torch.tensor([[[True, False]]]))
    assert loss.item() == pytest.approx((1.0 + 4.0) / 2)
    loss.backward()
    assert estimated.grad.tolist() == [[[[1.0, 0.0]], [[2.0, 0.0]]]]
    none = map_error(estimated, maps, torch.tensor([[[False, False]]]))
    assert none.item() == 0.0


def test_network_learns_from_images_and_is_tested_where_there_is_tissue():
    trained = network()
    training, validation = Images(40, margin=2), Images(8, margin=2, seed=1)
    progress = finish(train(image_recipe(epochs=15), trained, training, validation))
    losses = [row["loss"] for row in progress.history]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < 0.5 * losses[0]
    assert training.epochs == list(range(15))
    truth, found = of_data(trained, validation, 4, torch.device("cpu"))
    assert truth.shape == found.shape == (8 * 30, 2)  # 36 voxels but for the row of air
    # In units of the maps: 0-2 and 0-4.
    assert truth[:, 0].max() > 1.9
    assert truth[:, 1].max() > 3.9


def test_validation_is_the_coefficient_of_determination_over_what_counts():
    trained, data = network(), Images(8, margin=2, seed=1)
    progress = finish(train(image_recipe(epochs=1, learning_rate=1e-9), trained, data, data))
    generator = torch.Generator().manual_seed(1)
    data.start_epoch(0)
    true, found = [], []
    with torch.no_grad():
        for rows in torch.split(torch.arange(8), 4):
            batch = data.batch(rows, generator)
            outputs = trained.network(trained.normalization.canonical(batch.signals))
            true.append(batch.maps[:, :, 1:].movedim(1, -1).reshape(-1, 2))
            found.append(outputs[:, :, 1:].movedim(1, -1).reshape(-1, 2))
    true, found = torch.cat(true).double(), torch.cat(found).double()
    expected = 1 - ((found - true) ** 2).sum(0) / ((true - true.mean(0)) ** 2).sum(0)
    assert progress.history[0]["validation_r_squared"] == pytest.approx(
        float(expected.mean()), rel=1e-9
    )


def test_data_that_is_drawn_anew_each_epoch_resumes_bit_by_bit(tmp_path):
    def data():
        return Images(16, margin=2), Images(4, margin=2, seed=1)

    whole = network()
    finish(train(image_recipe(), whole, *data()))
    path = tmp_path / "a.checkpoint"
    broken = train(image_recipe(), network(), *data(), checkpoint=path)
    next(step for step in broken if step.epoch == 2)
    broken.close()
    resumed = network()
    finish(train(image_recipe(), resumed, *data(), checkpoint=path))
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


def test_image_network_refuses_single_fingerprints():
    ranges = {"FF": (0.0, 1.0), "T1H2O": (500.0, 3000.0), "T1fat": (200.0, 400.0)}
    maps = {key: {"lower": low, "upper": high} for key, (low, high) in ranges.items()}
    with pytest.raises(MRFInputError) as caught:
        prepare(Recipe.model_validate({"network": "balsiger2018", "maps": maps}))
    assert caught.value.code == "bad-recipe"
    assert "images" in str(caught.value)
