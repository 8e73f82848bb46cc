"""How often two figures catch altered servers, from the margins of every token that a GPU run left.

    mkdir h100 && tar -C h100 -xJf h100-2026-11-26/units.tar.xz
    python near-ties.py h100/units short        # needs numpy and scipy

mean   mean clipped margin over all boots, above the largest 99.9th percentile of any honest class
       drawn the same way: what a perfect calibration of that figure would give.
rules  the gate's limits on the mean: 1.25 tolerance limits in one boot, the pooled limit in several.
ties   near-ties as in RULES "Gate: near-ties" (Z 3.7), honest noise as in "Calibration: near-ties".
Runs of ten answers are drawn with replacement, 20,000 times. "x 1.6": sixteen answers counted as ten,
prompts with 1.6 times the near-ties.
"""
import json, math, sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.stats import nct

TIMES, RUN, Z, FACTOR, E, SCALE = 20_000, 10, 3.7, 2, 1e-6, 1.702
rng = np.random.default_rng(1)


def leaves(gap, noise):
    return E + (1 - 2 * E) / (1 + np.exp(np.minimum(SCALE * gap / noise, 700)))


def likeliest_noise(gap, left):
    grid = 0.001 * 1000 ** (np.arange(201) / 200)
    fits = np.array([np.log(np.where(left, p, 1 - p)).sum() for p in (leaves(gap, s) for s in grid)])
    return grid[fits.argmax()]


def tolerance(means):
    roots, n = np.cbrt(means), len(means)
    factor = nct.ppf(0.95, n - 1, 3.090232306 * math.sqrt(n)) / math.sqrt(n)
    return (roots.mean() + factor * roots.std(ddof=1)) ** 3


class Server:
    def __init__(self, files):
        parts = [np.load(file) for file in sorted(files)]
        meta = json.loads(str(parts[0]["meta"]))
        self.name, self.kind = meta["class"], meta["kind"]
        margin, gap, rank = (np.concatenate([p[k] for p in parts]).astype(float) for k in ("margin", "gap", "rank"))
        self.clipped = np.minimum(margin, 1).sum(1)
        self.tokens, self.left = margin.shape[1], margin > 0
        self.gap = np.where(rank >= 2, np.minimum(margin, 1), gap)
        self.near = (self.gap > 0) & (self.gap < 1)
        whole = len(margin) // RUN * RUN
        self.means = self.clipped[:whole].reshape(-1, RUN).sum(1) / RUN / self.tokens

    def sums(self, noise):
        """Excess, variance and skew of each answer."""
        gap = np.where(self.near, self.gap, 0.5)
        p, q = leaves(gap, noise), leaves(gap, FACTOR * noise)
        d = np.log(q / p) - np.log((1 - q) / (1 - p))
        v = p * (1 - p) * d * d
        parts = ((self.left - p) * d, v, v * d * (1 - 2 * p))
        return np.stack([np.where(self.near, part, 0).sum(1) for part in parts], 1)


def drawn(values, boots, answers=RUN):
    return values[rng.integers(0, len(values), (TIMES, boots * answers))]


def swapped(sums):
    excess, variance, skew = sums.sum(1).T
    variance = np.maximum(variance, 1e-12)
    return excess > Z * np.sqrt(variance) + (Z * Z - 1) / 6 * skew / variance


def pooled(mu, sigma, boots):
    a = boots * mu * mu / (sigma * sigma)
    return mu * (1 - 1 / (9 * a) + Z * math.sqrt(1 / (9 * a))) ** 3


def main(folder, setting):
    files = defaultdict(list)
    for path in Path(folder).glob(f"{setting}.*.npz"):
        files[path.name.rsplit(".", 2)[0]].append(path)
    servers = [Server(paths) for paths in files.values()]
    honest = [s for s in servers if s.kind == "honest" and len(s.means) >= 3]
    noises = {s.name: likeliest_noise(s.gap[s.near], s.left[s.near]) for s in servers}
    noise = max(noises[s.name] for s in honest)
    loud = max(honest, key=lambda s: tolerance(s.means))
    p999, mu, sigma = tolerance(loud.means), loud.means.mean(), loud.means.std(ddof=1)
    print(f"{setting}: honest noise {noise:.4f} nat ({len(honest)} classes), mean margin's limit {1.25 * p999:.1e} nat")
    sums = {s.name: s.sums(noise) for s in servers}
    print("| class | noise, nat | " + " | ".join(f"{b} boots: mean / rules / ties" for b in (1, 2, 5)) + " |")
    tops, worst = {}, defaultdict(float)
    for boots in (1, 2, 5):
        tops[boots] = max(np.quantile(drawn(s.clipped, boots).sum(1), 0.999) for s in honest)
        for s in honest:
            for answers in (10, 16):
                share = 100 * swapped(drawn(sums[s.name], boots, answers)).mean()
                worst["ties", boots, answers] = max(worst["ties", boots, answers], share)
            share = 100 * (drawn(s.clipped, boots, 16).sum(1) > tops[boots]).mean()
            worst["mean", boots, 16] = max(worst["mean", boots, 16], share)
    for s in sorted((s for s in servers if s.kind == "control"), key=lambda s: noises[s.name]):
        cells = []
        for boots in (1, 2, 5):
            runs = drawn(s.clipped, boots).reshape(TIMES, boots, RUN).sum(2)
            alone = (runs / RUN / s.tokens > 1.25 * p999).any(1)
            many = runs.sum(1) / boots / RUN / s.tokens > pooled(mu, sigma, boots) if boots > 1 else False
            ties = swapped(drawn(sums[s.name], boots))
            cells.append(" / ".join(f"{100 * x.mean():.0f}" for x in (runs.sum(1) > tops[boots], alone | many, ties)))
        print(f"| {s.name} | {noises[s.name]:.3f} | " + " | ".join(cells) + " |")
    for key, share in worst.items():
        print(f"worst honest class refused by {key[0]}, {key[1]} boots, {key[2]} answers a run: {share:.2f} %")


main(*sys.argv[1:])
