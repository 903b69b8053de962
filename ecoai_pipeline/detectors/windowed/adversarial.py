"""Windows that a network finds as strange as a small change can make them, to be led back from: denoising pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ecoai_pipeline.augmentation.mi_fgsm import Floats, mi_fgsm
from ecoai_pipeline.detectors.windowed.inputs import Norm, Stretch, Windows
from ecoai_pipeline.detectors.windowed.training import Rebuilding, known_mean

Errors = Callable[[Tensor], Tensor]

_RANGE = 2.0  # from the 5 % to the 95 % quantile of a meter, in the network's unit
_BLOCK = 512  # windows differentiated at once, which bounds memory


class Adversary:
    """Makes adversarial versions of training windows, and counts them.

    MI-FGSM ascends each window's own error of rebuilding, by which training is stopped and trimmed too. A made reading lies within
    `epsilon` of the meter's range, in the network's unit, which is logarithmic beyond three scales of the meter (there the same step is
    more kWh), and within what the meter can read; unknown ones stay as they are.

    Args:
        epsilon: share of the meter's range, from its 5 % to its 95 % quantile.
        limits: (m, 2), least and most that each meter can read, in the network's unit.
    """

    def __init__(self, epsilon: float, limits: Floats, kind: Rebuilding) -> None:
        self.epsilon = epsilon
        self.limits = limits
        self.kind = kind
        self.made = 0
        self.meters: set[int] = set()

    @property
    def facts(self) -> dict[str, Any]:
        """Where the made windows come from and what they are for, for the bundle of the detector."""
        use = "denoising pairs: adversarial window in, clean window out"
        return {"epsilon": self.epsilon, "made_windows": self.made, "from_meters": len(self.meters), "use": use}

    def pairs(self, net: nn.Module, windows: Windows) -> Windows:
        """The windows, and again as pairs: the adversarial version of each, to make the window of."""
        altered = self.adversarial(net, windows)
        self.made += len(altered)
        self.meters.update(windows.meter.tolist())
        return windows.beside(altered)

    def adversarial(self, net: nn.Module, windows: Windows) -> Tensor:
        """A made version of each window, (w, length)."""
        net.eval()
        values, known = (part.cpu().numpy() for part in (windows.values, windows.known))
        values = values.astype(np.float64)
        least, most = self.limits[windows.meter.cpu().numpy()].T[..., None]

        def gradient(altered: Floats) -> Floats:
            given = torch.from_numpy(altered).to(windows.values)
            slope: Floats = error_gradient(lambda some: (some - self.kind.rebuilt(net, some)).square(), given, windows.known).cpu().numpy()
            return slope.astype(np.float64)

        low, high = np.where(known, least, values), np.where(known, most, values)
        made = mi_fgsm(values, gradient, epsilon=self.epsilon * _RANGE, low=low, high=high)
        return torch.from_numpy(made.days).to(windows.values)


def limits(stretches: Sequence[Stretch], norms: Sequence[Norm]) -> Floats:
    """Least and most that each meter can read, (m, 2), in the network's unit.

    That is nothing, or less where it reads less itself, and the highest reading that came; what came is what is known of `stretches`.
    """
    read = [stretch.values[stretch.known] for stretch in stretches]
    nothing = [np.float32(norm.units(np.zeros(()))) for norm in norms]
    return np.array([(x.min(initial=zero), x.max(initial=-np.inf)) for x, zero in zip(read, nothing, strict=True)], dtype=np.float64)


def error_gradient(errors: Errors, values: Tensor, known: Tensor) -> Tensor:
    """Gradient of each window's mean error over known readings with respect to its readings, (w, length).

    Args:
        errors: of each reading of some windows, (k, length) to (k, length); windows do not see each other.
        values: (w, length).
    """
    # Recurrent layers of cuDNN differentiate in training only, where dropout would be on.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        blocks = [slice(at, at + _BLOCK) for at in range(0, len(values), _BLOCK)]
        return torch.cat([_gradient(errors, values[block], known[block]) for block in blocks])


def _gradient(errors: Errors, values: Tensor, known: Tensor) -> Tensor:
    given = values.detach().requires_grad_()
    return torch.autograd.grad(known_mean(errors(given), known).sum(), given)[0]
