"""Networks that PyTorch made, with their predictions; and the way back.

    pip install torch==2.9.1 safetensors==0.8.0 numpy
    python torch_networks.py            # writes *.safetensors and predictions.json beside this file
    python torch_networks.py FOLDER     # reads back what `tests/safetensors.rs` wrote to FOLDER, and compares

The first holds under "fc" the layers of a `nn.Sequential`, the second has layers of its own names, the third is one
`nn.Linear`.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent


class Named(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc10 = (torch.nn.Linear(*s) for s in [(4, 6), (6, 5), (5, 1)])

    def forward(self, x):
        return self.fc10(torch.nn.functional.silu(self.fc2(torch.nn.functional.silu(self.fc1(x)))))


class Nested(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)
        )

    def forward(self, x):
        return torch.softmax(self.fc(x), dim=1)


def models():
    torch.manual_seed(1)
    return {"nested": Nested(), "named": Named(), "linear": torch.nn.Linear(4, 2)}


def inputs():
    torch.manual_seed(2)
    return torch.randn(7, 4)


def write():
    x, out = inputs(), {}
    for name, model in models().items():
        save_file(model.state_dict(), HERE / f"{name}.safetensors")
        out[name] = model(x).tolist()
    save_file({k: v.double() for k, v in models()["linear"].state_dict().items()}, HERE / "double.safetensors")
    save_file({k: v.half() for k, v in models()["linear"].state_dict().items()}, HERE / "half.safetensors")
    out["x"] = x.tolist()
    (HERE / "predictions.json").write_text(json.dumps(out))


def compare(folder):
    x = inputs()
    for name, model in models().items():
        expected = model(x)
        if name == "named":  # comes back with the names of a Sequential
            state = load_file(folder / f"{name}.safetensors")
            old = ["fc1", "fc2", "fc10"]
            state = {f"{old[int(k.split('.')[1]) // 2]}.{k.split('.')[2]}": v for k, v in state.items()}
        else:
            state = load_file(folder / f"{name}.safetensors")
        other = models()[name]
        for parameter in other.parameters():
            torch.nn.init.zeros_(parameter)
        other.load_state_dict(state)
        print(name, float((other(x) - expected).abs().max()))


if __name__ == "__main__":
    with torch.no_grad():
        compare(pathlib.Path(sys.argv[1])) if len(sys.argv) > 1 else write()
