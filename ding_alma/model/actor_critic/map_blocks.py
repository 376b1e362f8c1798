"""Convolutional blocks that keep a map's size (docs/reference/mppo.md#network-over-maps), and their initialisation
(docs/reference/mppo.md#initialisation)."""

import zlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

SLOPE = 0.01
"""Of every LeakyReLU."""
GAINS: Mapping[str, float] = {
    "leaky_relu": (2 / (1 + SLOPE**2)) ** 0.5,
    "relu": 2**0.5,
    "sigmoid": 1.0,
    "output": 0.01,
}
"""Gain of a layer's orthogonal weights, by what follows it; outputs start small."""
_FOLLOWED_BY = "followed_by"
"""Attribute of a layer. `nn.Module` declares its attributes as tensors and modules, and this is a word."""


class ConvBlock(nn.Module):
    """Convolution without bias (`initialise` puts it under spectral normalisation), batch normalisation, LeakyReLU.

    It computes in the precision of its input; weights and statistics keep their own.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, padding="same", bias=False)
        self.normalisation = nn.BatchNorm2d(outputs)
        say_what_follows(self.convolution, "leaky_relu")

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        # Not the module's own forward, which wants its weights in the precision of the input.
        convolved = nn.functional.conv2d(x, self.convolution.weight.to(x.dtype), padding="same")
        # In place: an intermediate result less to keep for the gradient, of a network whose boards fill the memory.
        return nn.functional.leaky_relu_(self.normalisation(convolved), SLOPE)


class SqueezeExcitation(nn.Module):
    """Scales of channels, by what their board means say."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(width, squeezed)
        self.excite = nn.Linear(squeezed, width)
        say_what_follows(self.squeeze, "relu")
        say_what_follows(self.excite, "sigmoid")

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to (N, width, 1, 1)."""
        mean = x.mean((-2, -1), dtype=self.squeeze.weight.dtype)
        return self.excite(self.squeeze(mean).relu()).sigmoid()[..., None, None].to(x.dtype)


class ResidualBlock(nn.Module):
    """Two convolution blocks, scaled by squeeze and excitation and added to the input."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvBlock(width, width), ConvBlock(width, width), SqueezeExcitation(width, squeezed))

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same."""
        first, second, scale = self.body
        change = second(first(x))
        return torch.addcmul(x, change, scale(change))


class MapEmbedding(nn.Sequential):
    """Features of every tile: an entrance, then twice ``blocks`` residual blocks and a convolution block.

    With 3x3 kernels and two residual blocks a tile sees 23x23 tiles around it, and the whole board through the squeezed
    channels.
    """

    def __init__(self, planes: int, width: int, squeezed: int, blocks: int) -> None:
        halves = [
            layer
            for _ in range(2)
            for layer in (*(ResidualBlock(width, squeezed) for _ in range(blocks)), ConvBlock(width, width))
        ]
        super().__init__(ConvBlock(planes, width), *halves)


class PlaneValue(nn.Sequential):
    """One number per tile."""

    def __init__(self, inputs: int, hidden: int) -> None:
        output = nn.Conv2d(hidden, 1, 1)
        say_what_follows(output, "output")
        super().__init__(ConvBlock(inputs, hidden, 1), output)


def say_what_follows(layer: nn.Module, what: str) -> None:
    """Tell `initialise` what follows a layer, by a key of `GAINS`."""
    setattr(layer, _FOLLOWED_BY, what)


def initialise(network: nn.Module, weight_scale: float) -> None:
    """Orthogonal weights times ``weight_scale``, biases zero, then spectral normalisation of the convolutions.

    Every layer draws from a stream of its own, named after the layer and torch's seed: adding or reordering layers
    leaves the others' weights as they are. Layers hold what follows them (see `say_what_follows`). Under spectral
    normalisation the scale changes no output, it lets the optimiser's steps turn the weights faster.
    """
    for name, layer in list(network.named_modules()):
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            continue
        followed_by = getattr(layer, _FOLLOWED_BY)
        with torch.random.fork_rng(devices=[]):
            # Not torch.manual_seed: it also seeds GPUs, which nothing restores, and takes longer than the layer.
            torch.default_generator.manual_seed(torch.initial_seed() ^ zlib.crc32(name.encode()))
            nn.init.orthogonal_(layer.weight, GAINS[followed_by])
            with torch.no_grad():
                layer.weight.mul_(weight_scale)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if followed_by == "leaky_relu":
                spectral_norm(layer)
