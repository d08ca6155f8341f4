"""What the tests on a GPU share. `make test-gpu` runs them; they fail without a GPU, since skipping is not passing."""

from collections.abc import Iterator

import pytest
import torch

import patchwidgets as pw


@pytest.fixture(scope="session", autouse=True)
def _gpu() -> None:
    if not torch.cuda.is_available():
        pytest.fail("These tests need a GPU of CUDA, and PyTorch finds none here (make test-gpu).")


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    """Compare float32 with float32: TF32 has ten bits."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(before)
    torch.cuda.empty_cache()


@pytest.fixture(scope="session")
def here() -> pw.Model:
    return pw.load(device="cpu")


@pytest.fixture(scope="session")
def there() -> pw.Model:
    return pw.load(device="cuda")
