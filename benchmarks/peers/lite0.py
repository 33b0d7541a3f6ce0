"""EfficientNet-Lite0 by another implementation, in PyTorch.

    pip install efficientnet-lite-pytorch torch
    python -m benchmarks.peers.lite0 STATE.npz IMAGES.npz OUT.npz

STATE has arrays by the names of that implementation's own; IMAGES has `images`, float32 `(n, height, width, 3)`,
preprocessed; OUT gets `features`, the means of its last feature map over the positions.
"""

import sys

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet


def main(state_file, images_file, out):
    """Writes the features."""
    with np.load(state_file) as stored:
        state = {name: torch.from_numpy(array) for name, array in stored.items()}
    network = EfficientNet.from_name("efficientnet-lite0")
    missing, unknown = network.load_state_dict(state, strict=False)
    assert not unknown
    assert all(name.startswith("_fc") or name.endswith("num_batches_tracked") for name in missing)
    network.eval()
    with np.load(images_file) as stored, torch.no_grad():
        images = torch.from_numpy(stored["images"]).permute(0, 3, 1, 2).contiguous()
        features = [network.extract_features(part).mean((2, 3)).numpy() for part in images.split(50)]
    np.savez(out, features=np.concatenate(features))


if __name__ == "__main__":
    main(*sys.argv[1:])
