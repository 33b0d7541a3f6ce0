"""PyTorch's side of the speed comparison: DCGAN as its official example trains it, and as an expert would.

    python -m benchmarks.peers.torch WORK SIDE PRECISION

is a worker (see `benchmarks.gate`). `torch` follows the example (https://github.com/pytorch/examples/tree/main/dcgan):
default layout, one data set item at a time through a `DataLoader` with two processes, logged losses read at every step.
Its images come as decoded arrays, so the example's decoding and resizing, which would cost it more, are left out.
`torch_tuned` has channels last, bfloat16 autocast where the processor computes in it, no gradients for weights that are
not updated, fused Adam, and its data in one tensor. `torch_compiled` is that with `torch.compile`. With a gradient
penalty the published loop is the usual one with `torch.autograd.grad(create_graph=True)`; `torch.compile` cannot
differentiate twice, so that only the generator is compiled then. Models that translate are in `torch_translation.py`.
"""

import contextlib
import itertools
import sys

import torch
from torch import nn
from torch.nn import functional

from benchmarks import works
from benchmarks.gate import Gate

LATENT, FILTERS = 100, 64
WARMUP = 3


def generator():
    """The example's generator."""
    widths = [8 * FILTERS, 4 * FILTERS, 2 * FILTERS, FILTERS]
    layers = [nn.ConvTranspose2d(LATENT, widths[0], 4, 1, 0, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(True)]
    for before, after in itertools.pairwise(widths):
        layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(FILTERS, 3, 4, 2, 1, bias=False), nn.Tanh()).apply(_initialize)


def discriminator(normalized, sigmoid=False):
    """The example's discriminator; for gradient penalties without batch normalization, and with biases instead."""
    layers = [nn.Conv2d(3, FILTERS, 4, 2, 1, bias=not normalized), nn.LeakyReLU(0.2, inplace=normalized)]
    for before, after in itertools.pairwise([FILTERS, 2 * FILTERS, 4 * FILTERS, 8 * FILTERS]):
        layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=not normalized))
        layers += [nn.BatchNorm2d(after)] if normalized else []
        layers.append(nn.LeakyReLU(0.2, inplace=normalized))
    layers.append(nn.Conv2d(8 * FILTERS, 1, 4, 1, 0, bias=not normalized))
    layers += [nn.Sigmoid()] if sigmoid else []
    return nn.Sequential(*layers).apply(_initialize)


def _initialize(layer):
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


def to_tensor(image):
    """An image converted as `ToTensor` and `Normalize` of torchvision do."""
    return torch.from_numpy(image).permute(2, 0, 1).contiguous().float().div(255).sub_(0.5).div_(0.5)


class _Items(torch.utils.data.Dataset):
    """Images one by one."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return to_tensor(self.images[index])


def _published_batches(images, batch):
    loader = torch.utils.data.DataLoader(_Items(images), batch, shuffle=True, num_workers=2, drop_last=True)
    while True:
        yield from loader


def _tuned_batches(images, batch):
    images = torch.from_numpy(images).permute(0, 3, 1, 2)  # stays channels last in memory
    while True:
        for indices in torch.randperm(len(images)).split(batch):
            if len(indices) == batch:
                chosen = images.permute(0, 2, 3, 1)[indices].permute(0, 3, 1, 2)
                yield chosen.float().div_(127.5).sub_(1)


def published(batches, g, d, gate):
    """The example's loop."""
    g_optimizer, d_optimizer = (torch.optim.Adam(n.parameters(), lr=2e-4, betas=(0.5, 0.999)) for n in (g, d))
    criterion = nn.BCELoss()
    for real in batches:
        d.zero_grad()
        label = torch.full((len(real),), 1.0)
        output = d(real).view(-1)
        real_loss = criterion(output, label)
        real_loss.backward()
        real_mean = output.mean().item()
        fake = g(torch.randn(len(real), LATENT, 1, 1))
        label.fill_(0.0)
        output = d(fake.detach()).view(-1)
        fake_loss = criterion(output, label)
        fake_loss.backward()
        fake_mean = output.mean().item()
        d_optimizer.step()

        g.zero_grad()
        label.fill_(1.0)
        output = d(fake).view(-1)
        g_loss = criterion(output, label)
        g_loss.backward()
        print((real_loss + fake_loss).item(), g_loss.item(), real_mean, fake_mean, output.mean().item())
        g_optimizer.step()
        gate()


def tuned(batches, g, d, gate, bfloat16):
    """The same algorithm without what it does not need."""
    g_optimizer, d_optimizer = (
        torch.optim.Adam(n.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True) for n in (g, d)
    )
    for real in batches:
        with autocast(bfloat16):
            fake = g(torch.randn(len(real), LATENT, 1, 1))
            real_logits, fake_logits = d(real).view(-1), d(fake.detach()).view(-1)
        loss = functional.softplus(-real_logits.float()).mean() + functional.softplus(fake_logits.float()).mean()
        loss.backward()
        d_optimizer.step()
        d_optimizer.zero_grad()
        d.requires_grad_(False)
        with autocast(bfloat16):
            logits = d(fake).view(-1)
        functional.softplus(-logits.float()).mean().backward()
        d.requires_grad_(True)
        g_optimizer.step()
        g_optimizer.zero_grad()
        gate()


def penalized(batches, g, d, gate, penalty, expert, bfloat16=False):
    """One update of each network, that of the discriminator with a gradient penalty."""
    options = {"fused": True} if expert else {}
    g_optimizer, d_optimizer = (torch.optim.Adam(n.parameters(), lr=1e-4, betas=(0.0, 0.9), **options) for n in (g, d))
    for real in batches:
        d.zero_grad()
        with torch.no_grad(), autocast(bfloat16):
            fake = g(torch.randn(len(real), LATENT, 1, 1))
        with autocast(bfloat16):
            loss = penalty(d, real, fake.float())
        loss.backward()
        d_optimizer.step()

        g.zero_grad()
        d.requires_grad_(not expert)
        with autocast(bfloat16):
            logits = d(g(torch.randn(len(real), LATENT, 1, 1))).view(-1)
        (-logits.float().mean() if penalty is wgan_gp else functional.softplus(-logits.float()).mean()).backward()
        d.requires_grad_(True)
        g_optimizer.step()
        gate()


def wgan_gp(d, real, fake):
    """WGAN-GP's objective of the discriminator, lambda = 10."""
    share = torch.rand(len(real), 1, 1, 1)
    mixed = (share * real + (1 - share) * fake).requires_grad_(True)
    (slope,) = torch.autograd.grad(d(mixed).float().sum(), mixed, create_graph=True)
    penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    return d(fake).float().mean() - d(real).float().mean() + 10 * penalty


def r1_r2(d, real, fake):
    """The non-saturating objective of the discriminator with R1 and R2, gamma = 1."""
    loss = 0.0
    for images, sign in ((real, -1), (fake, 1)):
        images = images.detach().requires_grad_(True)
        logits = d(images).view(-1).float()
        (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        loss = loss + functional.softplus(sign * logits).mean() + 0.5 * slope.square().sum() / len(images)
    return loss


def autocast(bfloat16):
    """The context in which the processor computes in bfloat16, if it is to."""
    return torch.autocast("cpu", torch.bfloat16) if bfloat16 else contextlib.nullcontext()


def main(name, side, precision):
    """Trains until the gate's input ends."""
    if name in works.TRANSLATIONS:
        from benchmarks.peers import torch_translation

        return torch_translation.main(name, side, precision)
    work, expert = works.WORKS[name], side != "torch"
    torch.manual_seed(0)
    g, d = generator(), discriminator(normalized=name == "a", sigmoid=name == "a" and not expert)
    bfloat16 = expert and precision != "float32" and works.has_bfloat16()
    facts = {
        "version": f"PyTorch {torch.__version__}",
        "precision": "bfloat16" if bfloat16 else "float32",
        "parameters": [sum(p.numel() for p in n.parameters()) for n in (g, d)],
    }
    gate = Gate(WARMUP, facts)
    images = works.images(work)
    if not expert:
        batches = _published_batches(images, work.batch)
    else:
        torch.set_flush_denormal(True)
        g, d = (network.to(memory_format=torch.channels_last) for network in (g, d))
        batches = _tuned_batches(images, work.batch)
        if side == "torch_compiled":
            g, d = torch.compile(g), torch.compile(d) if name == "a" else d
    if name != "a":
        penalized(batches, g, d, gate, wgan_gp if name == "d1" else r1_r2, expert, bfloat16)
    elif expert:
        tuned(batches, g, d, gate, bfloat16)
    else:
        published(batches, g, d, gate)


if __name__ == "__main__":
    main(*sys.argv[1:])
