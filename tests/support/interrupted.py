"""A process that gets a SIGINT at a random moment of each of its operations on a model, and tells what it found after.

``python -m tests.support.interrupted`` reads lines ``seed n`` and answers each with a line of JSON, a `Report`: after n
operations that a signal from another process has interrupted. It stops at the first difference.
"""

import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from patchwidgets.facade import Experiment
from patchwidgets.hooks import attention, cancellation, hooks
from patchwidgets.hooks.interrupts import GUARD
from patchwidgets.models.forward import model_lock
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

SENDER = """
import os, sys, time
for line in sys.stdin:
    time.sleep(float(line))
    os.kill(os.getppid(), 2)
    os.write(1, b"x")
"""
MOST_SIGNALS = 20
"""The most signals for each operation that is to be interrupted."""

TASK = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2})


@dataclass
class Report:
    """How many signals there were, how many ended an operation with KeyboardInterrupt, and what was wrong after one."""

    signals: int = 0
    interrupted: int = 0
    wrong: list[str] = field(default_factory=list)


class Subject:
    """A model as a user has it: partly in training mode, with a hook of the user's own."""

    def __init__(self) -> None:
        self.hf_model = random_model("llama", attention_dropout=0.5)
        self.model = Model(self.hf_model, toy_tokenizer(VOCABULARY))
        self.hf_model.train()
        self.hf_model.model.layers[1].eval()
        self.hf_model.model.norm.register_forward_hook(lambda *_: None)
        self.experiment = Experiment(self.model, TASK)
        self.run = self.model.run("w3 w14 w15 w9 w26", record=["L1.mlp_out", "L1.pattern"])
        self.ids = torch.tensor([self.experiment.pairs[0].corrupted])
        self.expected = self.experiment.patch("L1.H2", "L2.KV1.k").logits
        self.operations: list[Callable[[], object]] = [
            lambda: self.experiment.patch("L1.H2"),
            lambda: self.experiment.patch("L1.pattern", Patch("L2.q", fn=lambda host, _: 2 * host)),
            lambda: self.experiment.reach("L0.mlp_out"),
            lambda: self.experiment.sweep("v", progress=False),
            lambda: self.experiment.sweep("neuron", top=2, progress=False),
            lambda: self.model.run("w9 w8", record=["L0.k"])["L0.k"],
            lambda: Model(self.hf_model, self.model.tokenizer),
            self.patch_own_pass,
            self.patch_own_pass,
        ]

    def patch_own_pass(self) -> None:
        """A pass of the user's own, with patches at a module and at the kernel, and one of ours inside.

        Without ``torch.no_grad()``, which a Ctrl-C can leave on.
        """
        patches = [Patch(f"L1.{part}", source=self.run) for part in ("mlp_out", "pattern")]
        with self.model.patching(*patches):
            self.hf_model(self.ids)
            self.model.run("w9 w8")

    def state(self) -> dict[str, Any]:
        """Everything that an operation must leave as it was."""
        modules = list(self.hf_model.modules())
        configs = [module.config for module in modules if hasattr(module, "config")]
        return {
            "attributes": [
                {
                    name: value if name == "training" else id(value)
                    for name, value in m.__dict__.items()
                }
                for m in modules
            ],
            "hooks": [
                [list(value) for name, value in m.__dict__.items() if "hooks" in name]
                for m in modules
            ],
            "weights": [(id(p), p._version, p.grad is None) for p in self.hf_model.parameters()],
            "kernels": [config._attn_implementation for config in configs],
            "registries": (
                len(attention._HOOKS),
                sum(attention._N_OPEN.values()),
                len(attention._FORMER),
            ),
            "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
            "context": (hooks._SCOPE.get(), cancellation._CANCEL.get()),
            "handler": signal.getsignal(signal.SIGINT),
            "guard": GUARD._n_open,
            "locked": self.is_locked(),
        }

    def is_locked(self) -> bool:
        """Whether another thread cannot get the model's lock."""
        lock, got = model_lock(self.hf_model), []

        def try_it() -> None:
            got.append(lock.acquire(blocking=False))
            if got[0]:
                lock.release()

        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
        return not got[0]

    def is_right(self) -> bool:
        """Whether a patch gives what it gave at first, bit by bit."""
        return torch.equal(self.experiment.patch("L1.H2", "L2.KV1.k").logits, self.expected)


class Attacker:
    """Sends a signal at a random moment of each operation."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.before = subject.state()
        self.seconds = [0.02] * len(subject.operations)
        command = [sys.executable, "-c", SENDER]
        self.sender = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self.is_swallowed = False
        sys.unraisablehook = self.note_swallowed

    def note_swallowed(self, args: "sys.UnraisableHookArgs") -> None:
        """Python ignores whatever a destructor raises, a KeyboardInterrupt too."""
        self.is_swallowed |= args.exc_type is KeyboardInterrupt

    def attack(self, seed: str, n: int) -> Report:
        """Run operations until `n` are interrupted: how many signals come in time depends on what else runs."""
        rng, report = random.Random(seed), Report()
        while report.interrupted < n and report.signals < MOST_SIGNALS * n and not report.wrong:
            i = rng.randrange(len(self.seconds))
            report.interrupted += self.interrupt(i, rng.uniform(0, self.seconds[i]))
            report.signals += 1
            report.wrong = self.differences(i)
        return report

    def interrupt(self, i: int, delay: float) -> bool:
        """Run an operation; return whether it ended with a KeyboardInterrupt before it was done."""
        assert self.sender.stdin is not None
        assert self.sender.stdout is not None
        done, sent = False, self.sender.stdout.fileno()
        self.is_swallowed = False
        try:
            started = time.perf_counter()
            self.sender.stdin.write(f"{delay}\n".encode())
            self.subject.operations[i]()
            done = True
            self.seconds[i] = 0.9 * self.seconds[i] + 0.1 * (time.perf_counter() - started)
            # The signal comes before this byte, so its handler runs here at the latest.
            os.read(sent, 1)
            assert self.is_swallowed, "The signal was lost."
        except KeyboardInterrupt:
            if select.select([sent], [], [], 0.05)[0]:
                os.read(sent, 1)
        return not done

    def differences(self, i: int) -> list[str]:
        """What is not as it was, after an operation."""
        after = self.subject.state()
        wrong = [
            f"operation {i}: {name} was {str(self.before[name])[:300]}, is {str(after[name])[:300]}"
            for name in after
            if after[name] != self.before[name]
        ]
        if not wrong and not self.subject.is_right():
            wrong.append(f"operation {i}: a later patch gives other numbers")
        return wrong


def main() -> None:
    """Answer requests until there are no more."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    attacker = Attacker(Subject())
    for line in sys.stdin:
        seed, n = line.split()
        sys.stdout.write(json.dumps(asdict(attacker.attack(seed, int(n)))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
