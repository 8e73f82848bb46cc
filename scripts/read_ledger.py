#!/usr/bin/env python3
"""Recomputes T, P, S, D, Z and the standing of every round of a ledger from .github/RULES.md alone.
usage: read_ledger.py RESULTS [REPOSITORY]    needs: pip install tokenizers
It shares no line with the validator. Verdicts are taken from the records (gates, faults and signatures are
`cacheon audit`'s), everything else from the traces. Exits with 1 where a number differs by more than 1e-9."""
import base64, gzip, json, sys, unicodedata
from math import ceil, floor, inf, sqrt
from pathlib import Path
from statistics import fmean as mean, median, variance
try:
    from tokenizers import Tokenizer
except ImportError:
    sys.exit("this needs the tokenizers library: pip install tokenizers")

PLAIN = [*range(33, 127), *range(161, 173), *range(174, 256)]  # bytes whose letter is their own
LETTERS = {chr(b) for b in PLAIN} | {chr(256 + i) for i in range(256 - len(PLAIN))}  # one letter, one byte

def read_trace(path, tokenizer):
    """Scored answers by prompt: when it was sent, when each token arrived, how it ended."""
    asked = {}
    for item in map(json.loads, gzip.decompress(path.read_bytes()).decode().splitlines()):
        if item["type"] == "request":
            asked[item["prompt"]] = dict(item, held=b"", pieces=[], finish=None, teacher=None)
        elif item["type"] == "chunk":
            data = item["text"].encode() if "text" in item else base64.b64decode(item["data"])
            add_chunk(asked[item["prompt"]], item["tNs"], data.replace(b"\r\n", b"\n"))
        elif item["type"] == "teacher":
            asked[item["prompt"]]["teacher"] = item
    return {p: dict(a, at=arrivals(a["pieces"], tokenizer)) for p, a in asked.items() if not a["warmup"]}

def add_chunk(answer, time, data):
    """Text of each event counts at the time of the chunk that completes it."""
    *whole, answer["held"] = (answer["held"] + data).split(b"\n\n")
    for event in whole:
        text = "\n".join(l[5:].strip() for l in event.decode().split("\n") if l.startswith("data:"))
        for choice in json.loads(text).get("choices", []) if text not in ("", "[DONE]") else []:
            answer["finish"] = choice.get("finish_reason") or answer["finish"]
            answer["pieces"].append((time, (choice.get("delta") or {}).get("content") or ""))

def arrivals(pieces, tokenizer):
    reached, text, at, offset, i = [], "", [], 0, 0
    for time, piece in pieces:
        text += piece
        reached.append((time, len(unicodedata.normalize("NFC", text).encode())))
    for token in tokenizer.encode(text, add_special_tokens=False).ids:
        letters = tokenizer.id_to_token(token)
        offset += len(letters) if LETTERS.issuperset(letters) else len(letters.encode())
        while i < len(reached) - 1 and reached[i][1] < offset:
            i += 1
        at.append(reached[i][0])
    return at

def pace(at, k, s):
    m = min(s["ttftWindow"], k // 4)
    return inf if k < s["ttftWindow"] else (at[k - 1] - at[m + m // 2 - 1]) / (k - m - m // 2)

def timing(answer, k, cap, short, s):
    """T and P of one answer (RULES "TTFT", "Throughput")."""
    at, sent, m, width = answer["at"], answer["tNs"], min(s["ttftWindow"], k // 4), s["ttftWindow"]
    rate = 0.0 if short or k == 0 else k * 1e9 / max(1, at[k - 1] - sent)
    if k < width:
        return (at[k - 1] - sent if k else inf), rate
    due = sorted(at[j - 1] - sent - (j - 1) * min(pace(at, k, s), cap) for j in range(m // 2 + 1, m + m // 2 + 1))
    return floor(max(at[0] - sent, due[(s["ttftRank"] * m + width - 1) // width - 1]) + 0.5), rate

class Shard:
    """The servers of one shard against its baseline of boot 1."""
    def __init__(self, folder, arena, tokenizer):
        self.folder, self.arena, self.tokenizer, self.s = folder, arena, tokenizer, arena["scoring"]
        self.attempt = 2 if (folder / "1/baseline.4.ndjson.gz").exists() else 1
        self.base = self.run("baseline", 1)
        self.paces = {p: pace(a["at"], len(a["at"]), self.s) for p, a in self.base.items()}
        self.own = [timing(a, len(a["at"]), inf, False, self.s) for a in self.base.values()]
        self.medians = self.of(self.own)
    of = staticmethod(lambda timings: tuple(map(median, zip(*timings))))
    def run(self, name, boot):
        last = 2 * self.attempt if boot == 1 else 2
        runs = [last - 1] if name == "baseline" and boot == 1 else [last, last - 1]
        files = [f"{boot}/{name.replace(':', '-')}{'' if n == 1 else f'.{n}'}.ndjson.gz" for n in runs]
        return read_trace(next(self.folder / f for f in files if (self.folder / f).exists()), self.tokenizer)
    def timings(self, name, boot):
        if name == "baseline" and boot == 1:
            return self.own
        usual, out = [p for p in self.paces.values() if p < inf], []
        for prompt, answer in self.run(name, boot).items():
            n, end = len(answer["at"]), answer["teacher"]
            theirs = len(self.base[prompt]["at"]) if boot == 1 else n
            cap = self.paces[prompt] if boot == 1 else median(usual or [inf])
            ends = answer["finish"] == "stop" and end and end["tokenIds"][-1] == self.arena["model"]["eosTokenId"] \
                and (end["top"][-1] or 0) - (end["own"][-1] or -inf) <= self.arena["gate"]["bigMarginNats"]
            short = n < ceil(self.s["minTokensShare"] * theirs) and not ends
            out.append(timing(answer, min(n, theirs), cap, short, self.s))
        return out
    def score(self, terms, clamped=True):
        gains = (self.medians[0] - terms[0]) / self.medians[0], (terms[1] - self.medians[1]) / self.medians[1]
        t, p = (max(0, g) for g in gains) if clamped else gains
        return self.s["ttftWeight"] * t + self.s["throughputWeight"] * p

def attempt(shard, own, other, s_other, clamped, plan):
    """D, sd, Z and bounds boot by boot (RULES "Takeover"); and whether it is crowned, or goes on."""
    r, s, noise = shard.arena["takeover"], shard.s, (plan["calibration"] or {}).get("noise")
    tw, pw = shard.of(other[1])
    a, b, c = s["ttftWeight"] * min(1, tw / shard.medians[0]), s["throughputWeight"] * pw / shard.medians[1], 0
    if noise:
        sd = lambda a, b: sqrt((a * noise["ttftSd"]) ** 2 + (b * noise["throughputSd"]) ** 2
                               + 2 * a * b * noise["covariance"])
        last, usual = plan["controls"][-r["controls"]:], sd(s["ttftWeight"], s["throughputWeight"])
        rc = sqrt(mean([d * d for d in last])) / usual if len(last) >= r["controlsLeast"] and usual else 1
        c = r["calibrationFactor"] * sd(a, b) * max(1, r["controlFactor"] * rc)
    ds, vs, steps = [], [], []
    for k, boot in enumerate(b for b in range(1, 10) if all(n in own and n in other for n in range(1, b + 1))):
        mine, theirs = own[boot], other[boot]
        stop, crown = [*r["stop"], None][k], [None, *r["crown"]][k]
        if any(t == inf for t, _ in mine):  # it never answers, whatever the other does
            return steps + [(None,) * 4], False, False
        d = [shard.score(x, clamped) - shard.score(y, clamped) - r["margin"] * s_other for x, y in zip(mine, theirs)]
        reach = r["clipMads"] * 1.4826 * median([abs(x - median(d)) for x in d])
        d = [min(median(d) + reach, max(median(d) - reach, x)) for x in d]
        ds, vs = ds + [mean(d)], vs + [variance(d) / len(d) if len(d) > 1 else 0]
        e = max(c, r["withinFactor"] * sqrt(mean([min(v, r["varianceRatio"] * min(vs)) for v in vs])), r["sdFloor"])
        counted = [min(x, min(ds) + r["spread"] * e) for x in ds]
        sd_k = e if k < 2 else max(e, sqrt(variance(counted)))
        z = mean(counted) * sqrt(k + 1) / sd_k
        steps.append((ds[-1], sd_k, z, mean(counted)))
        if (crown is not None and z >= crown) or stop is None or z < stop:
            return steps, crown is not None and z >= crown, False
    return steps, False, True

def judge(shards, plan, body):
    """Every try of a round, and who holds throne and second place after it."""
    second, old = plan["arena"]["takeover"]["second"], plan["standing"]
    entries = {e["key"]: e for e in body["entries"] if e["role"]}
    revealed = {s["key"]: s["revealBlock"] or s["commitBlock"] for s in plan["submissions"]}
    revealed |= {p["key"]: p["revealedAt"] for p in old.values() if p}
    def boots(key, i):
        there = lambda b: b == 1 or (shards[i].folder / f"{b}/baseline.ndjson.gz").exists()
        if key == "baseline":  # a later boot with a prompt unanswered is no yardstick
            all_of = {b: shards[i].timings(key, b) for b in filter(there, range(1, 10))}
            whole = lambda b, ts: b == 1 or len(ts) == plan["arena"]["laterPrompts"] and max(ts)[0] < inf
            return {b: ts for b, ts in all_of.items() if whole(b, ts)}
        mine = [b for b in entries[key]["boots"] if b["shard"] == i and b["report"]["verdict"] == "VALID"]
        late = lambda b: [(inf, 0.0)] * plan["arena"]["scoredPrompts" if b["boot"] == 1 else "laterPrompts"]
        return {b["boot"]: shards[i].timings(key, b["boot"]) if b["report"]["prompts"] else late(b) for b in mine}
    measured = lambda key: key in entries and entries[key]["verdict"] == "VALID"
    lost = lambda key: key in entries and entries[key]["verdict"].startswith("E_")
    def score(key, i=None):
        first = [b["shard"] for b in entries[key]["boots"] if b["boot"] == 1 and b["report"]["verdict"] == "VALID"]
        own = [shards[j].score(shards[j].of(boots(key, j)[1])) for j in first if i in (None, j)]
        return median(own) if own and (i is not None or measured(key)) else 0
    def against(key, other, i):
        s_other = 0 if other == "baseline" else score(other, i)
        return attempt(shards[i], boots(key, i), boots(other, i), s_other, other != "baseline", plan)
    z1 = lambda key, other: (against(key, other, entries[key]["boots"][0]["shard"])[0] or [[-inf] * 3])[0][2]
    winner, runner = ((old[p] or {}).get("key") for p in ("winner", "runnerUp"))
    tries, ahead = {}, {}
    for key in (k for k in entries if entries[k]["role"] == "challenger" and measured(k)):
        i = entries[key]["boots"][0]["shard"]
        empty = not winner or (score(winner, i) == 0 if boots(winner, i) else lost(winner))
        holder = "baseline" if empty else winner
        bar = 0 if holder == "baseline" else (1 + plan["arena"]["takeover"]["margin"]) * score(holder, i)
        shut = not boots(holder, i)
        tries[key] = ([], False, shut) if shut or score(key) <= bar else against(key, holder, i)
        ahead[key] = holder != "baseline"
    order = lambda key: (entries[key]["commitBlock"], entries[key]["hotkey"])
    live = [k for k in (winner, runner) if k and measured(k) and score(k) > 0]
    crowned = [k for k in tries if tries[k][1] and (ahead[k] or runner not in live or z1(k, runner) >= second)]
    crowned.sort(key=lambda k: (not ahead[k], -tries[k][0][-1][3], order(k)))
    kept = [k for k in (winner, runner) if k in live or (k and not measured(k) and not lost(k))]
    throne = (crowned or kept or [None])[0]
    before, since = [k for k in live if k != throne], revealed.get(throne, inf)
    new = [k for k in tries if k != throne and score(k) > 0 and not tries[k][2] and entries[k]["commitBlock"] < since]
    new = [k for k in new if all(z1(k, other) >= second for other in before or ["baseline"])]
    places = sorted(before + new, key=lambda k: (-score(k), order(k)))
    blind = runner and runner != throne and not measured(runner) and not lost(runner) and not before
    return tries, {k: score(k) for k in entries}, throne, runner if blind else (places or [None])[0]

def main(results, repository="."):
    off, wrong = [0.0], []
    rounds = sorted(Path(results).glob("*/rounds/*/round.json"))
    if not rounds:  # a mistyped folder must not read as a ledger without a fault
        return print(f"{results} holds no VALIDATOR/rounds/BLOCK/round.json: name the folder of the validators", file=sys.stderr) or 2
    for path in rounds:
        body, plan = (json.loads(p.read_text())["predicate"] for p in (path, path.with_name("plan.json")))
        own = plan["arena"]["tokenizer"]
        file = Path(repository, *(["node_modules", own["package"]] if "package" in own else []), own["file"])
        made = lambda i: Shard(path.parent / "traces" / str(i), plan["arena"], Tokenizer.from_file(str(file)))
        shards = {s["index"]: made(s["index"]) for s in body["shards"]}
        tries, scores, *seats = judge(shards, plan, body)
        def same(what, ours, theirs):
            apart = inf if None in (ours, theirs) and ours != theirs else abs((ours or 0) - (theirs or 0))
            off.append(apart / max(abs(theirs or 0), 1e-3))
            wrong.extend([f"{path}: {what}: {ours} is {theirs} there"] if off[-1] > 1e-9 else [])
        for entry in (e for e in body["entries"] if e["role"]):
            same(f"S of {entry['key']}", scores[entry["key"]], entry["score"])
            for boot in (b["report"] | b for b in entry["boots"] if b["report"]["prompts"]):
                t, p = shards[boot["shard"]].of(shards[boot["shard"]].timings(entry["key"], boot["boot"]))
                same("T", floor(t + 0.5), boot["ttft"]["challengerNs"])
                same("P", p, boot["throughput"]["challengerTokensPerSecond"])
        for decision in body["decisions"]:
            key, ours = decision["key"], tries[decision["key"]][0]
            same(f"boots of {key}", len(ours), len(decision["boots"]))
            for mine, step in zip(ours, decision["boots"]):
                for value, what in zip(mine, ("d", "sd", "z")):
                    same(f"{what} of {key} in boot {step['boot']}", value, step[what])
            same(f"mean of {key}", ours[-1][3] if ours else None, decision["mean"])
        held = [(body["standing"][place] or {}).get("key") for place in ("winner", "runnerUp")]
        wrong += [] if held == seats else [f"{path}: standing {seats}, the record says {held}"]
        print(f"round {body['block']['number']}: {len(tries)} tries, winner {seats[0]}, second {seats[1]}")
    return print(*wrong, f"largest difference {max(off):.1e}", sep="\n") or int(bool(wrong))

sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (2, 3) and sys.argv[1][0] != "-" else __doc__)
