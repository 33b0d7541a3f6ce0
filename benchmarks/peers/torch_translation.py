"""PyTorch's side of the speed of translation: pix2pix and CycleGAN as published, and as an expert would train them.

The networks and the order of updates are those of https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix, written anew
from their description: a U-Net with batch normalization and dropout beside patches of pairs, and two residual networks
with instance normalization beside two discriminators and their pools of earlier images. `torch` has the default layout,
float32, and a `DataLoader` with two processes; `torch_tuned` channels last, bfloat16 autocast where the processor
computes in it, fused Adam, and its data in one tensor.
"""

import itertools
import random

import torch
from torch import nn
from torch.nn import functional

from benchmarks import works
from benchmarks.gate import Gate
from benchmarks.peers.torch import WARMUP, autocast, to_tensor

POOL = 50


class UNet(nn.Module):
    """The U-Net for 256x256 pixels: eight levels, of 64 to 512 maps."""

    def __init__(self, levels=8, filters=64, channels=3):
        super().__init__()
        widths = [filters * min(2**level, 8) for level in range(levels)]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            before = widths[level - 1] if level else channels
            down = [nn.LeakyReLU(0.2)] if level else []
            down.append(nn.Conv2d(before, width, 4, 2, 1, bias=False))
            down += [nn.BatchNorm2d(width)] if 0 < level < levels - 1 else []
            self.downs.append(nn.Sequential(*down))
            deeper = width if level == levels - 1 else 2 * width
            up = [nn.ReLU(), nn.ConvTranspose2d(deeper, before, 4, 2, 1, bias=level == 0)]
            up += [nn.BatchNorm2d(before)] if level else [nn.Tanh()]
            up += [nn.Dropout(0.5)] if 4 <= level < levels - 1 else []
            self.ups.append(nn.Sequential(*up))

    def forward(self, x):
        passed = []
        for down in self.downs:
            x = down(x)
            passed.append(x)
        for level in reversed(range(len(self.ups))):
            x = self.ups[level](x if level == len(self.ups) - 1 else torch.cat([passed[level], x], 1))
        return x


class Block(nn.Module):
    """A residual block."""

    def __init__(self, width):
        super().__init__()
        half = lambda: [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]  # noqa: E731
        self.body = nn.Sequential(*half(), nn.ReLU(), *half())

    def forward(self, x):
        return x + self.body(x)


def resnet(blocks=6, filters=64, channels=3):
    """The residual network with two halvings."""

    def stage(layer, width):
        return [layer, nn.InstanceNorm2d(width), nn.ReLU()]

    layers = [nn.ReflectionPad2d(3), *stage(nn.Conv2d(channels, filters, 7), filters)]
    for width in (2 * filters, 4 * filters):
        layers += stage(nn.Conv2d(width // 2, width, 3, 2, 1), width)
    layers += [Block(4 * filters) for _ in range(blocks)]
    for width in (2 * filters, filters):
        layers += stage(nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1), width)
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(filters, channels, 7), nn.Tanh())


def patches(channels, normalization, filters=64):
    """The discriminator of patches of 70x70."""
    layers = [nn.Conv2d(channels, filters, 4, 2, 1), nn.LeakyReLU(0.2)]
    for before, after, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
        layers.append(
            nn.Conv2d(before * filters, after * filters, 4, stride, 1, bias=normalization is nn.InstanceNorm2d)
        )
        layers += [normalization(after * filters), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(8 * filters, 1, 4, 1, 1))


def _initialize(layer):
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


class _Pairs(torch.utils.data.Dataset):
    """Pairs one by one."""

    def __init__(self, *sides):
        self.sides = sides

    def __len__(self):
        return len(self.sides[0])

    def __getitem__(self, index):
        return tuple(to_tensor(side[index]) for side in self.sides)


def _published_batches(sides, batch):
    loader = torch.utils.data.DataLoader(_Pairs(*sides), batch, shuffle=True, num_workers=2, persistent_workers=True)
    while True:
        yield from loader


def _tuned_batches(sides, batch):
    sides = [torch.from_numpy(side) for side in sides]
    while True:
        for indices in torch.randperm(len(sides[0])).split(batch):
            yield [side[indices].permute(0, 3, 1, 2).float().div_(127.5).sub_(1) for side in sides]


class Pool:
    """Earlier images: half of those that it is asked for are replaced by one of them."""

    def __init__(self):
        self.images = []

    def __call__(self, images):
        chosen = []
        for image in images.detach().split(1):
            if len(self.images) < POOL:
                self.images.append(image)
            elif random.random() < 0.5:
                place = random.randrange(POOL)
                image, self.images[place] = self.images[place], image
            chosen.append(image)
        return torch.cat(chosen)


def _adam(networks, expert):
    weights = itertools.chain(*(network.parameters() for network in networks))
    return torch.optim.Adam(weights, lr=2e-4, betas=(0.5, 0.999), **({"fused": True} if expert else {}))


def pix2pix(batches, g, d, gate, expert, bfloat16):
    """The discriminator first, the generator on the same images."""
    g_optimizer, d_optimizer = _adam([g], expert), _adam([d], expert)
    entropy = functional.binary_cross_entropy_with_logits
    for a, b in batches:
        with autocast(bfloat16):
            fake = g(a)
            fake_logits, real_logits = d(torch.cat([a, fake.detach()], 1)), d(torch.cat([a, b], 1))
        d_optimizer.zero_grad()
        losses = [
            entropy(logits.float(), torch.full_like(logits, label, dtype=torch.float32))
            for logits, label in ((fake_logits, 0.0), (real_logits, 1.0))
        ]
        (sum(losses) * 0.5).backward()
        d_optimizer.step()

        d.requires_grad_(False)
        g_optimizer.zero_grad()
        with autocast(bfloat16):
            logits = d(torch.cat([a, fake], 1))
        loss = entropy(logits.float(), torch.ones_like(logits, dtype=torch.float32))
        (loss + 100 * functional.l1_loss(fake.float(), b)).backward()
        g_optimizer.step()
        d.requires_grad_(True)
        gate()


def cyclegan(batches, g, d, gate, expert, bfloat16):
    """Both generators first, and then each discriminator."""
    forward, backward = g
    g_optimizer, d_optimizer = _adam(g, expert), _adam(d, expert)
    pools = Pool(), Pool()
    difference = functional.l1_loss
    for a, b in batches:
        d.requires_grad_(False)
        g_optimizer.zero_grad()
        with autocast(bfloat16):
            fake_b, fake_a = forward(a), backward(b)
            again_a, again_b = backward(fake_b), forward(fake_a)
            same_a, same_b = backward(a), forward(b)
            logits = d[0](fake_b), d[1](fake_a)
        loss = sum(((each.float() - 1) ** 2).mean() for each in logits)
        loss = loss + 10 * (difference(again_a.float(), a) + difference(again_b.float(), b))
        loss = loss + 5 * (difference(same_a.float(), a) + difference(same_b.float(), b))
        loss.backward()
        g_optimizer.step()

        d.requires_grad_(True)
        d_optimizer.zero_grad()
        for network, real, fake, pool in zip(d, (b, a), (fake_b, fake_a), pools, strict=True):
            with autocast(bfloat16):
                real_logits, fake_logits = network(real), network(pool(fake))
            loss = ((real_logits.float() - 1) ** 2).mean() + (fake_logits.float() ** 2).mean()
            (0.5 * loss).backward()
        d_optimizer.step()
        gate()


def main(name, side, precision):
    """Trains until the gate's input ends."""
    work, expert = works.WORKS[name], side != "torch"
    torch.manual_seed(0)
    if name == "e":
        g, d, train = UNet(), patches(6, nn.BatchNorm2d), pix2pix
    else:
        g = nn.ModuleList(resnet() for _ in range(2))
        d = nn.ModuleList(patches(3, nn.InstanceNorm2d) for _ in range(2))
        train = cyclegan
    g, d = g.apply(_initialize), d.apply(_initialize)
    bfloat16 = expert and precision != "float32" and works.has_bfloat16()
    facts = {
        "version": f"PyTorch {torch.__version__}",
        "precision": "bfloat16" if bfloat16 else "float32",
        "parameters": [sum(p.numel() for p in network.parameters()) for network in (g, d)],
    }
    gate = Gate(WARMUP, facts)
    sides = [works.images(work, seed=seed) for seed in range(2)]
    if expert:
        torch.set_flush_denormal(True)
        g, d = (network.to(memory_format=torch.channels_last) for network in (g, d))
    batches = (_tuned_batches if expert else _published_batches)(sides, work.batch)
    train(batches, g, d, gate, expert, bfloat16)
