"""Arrays of NumPy in annotations. Imports numpy; costs nothing.

`numpy.typing.NDArray` is an alias statement from NumPy 2.5 on (Python 3.12), into which jaxtyping (0.3.11) cannot look.
"""

from typing import Any, TypeVar

import numpy as np

_Scalar = TypeVar("_Scalar", bound=np.generic)

NDArray = np.ndarray[Any, np.dtype[_Scalar]]
"""An array of this scalar type: ``Float[NDArray[np.float64], "pair"]``. What `numpy.typing.NDArray` was before."""
