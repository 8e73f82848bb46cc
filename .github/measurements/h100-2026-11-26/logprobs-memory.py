"""Memory and time of the logits of prompt_logprobs, by chunk: 6,656 positions, a vocabulary of 152,064, hidden size 8,192."""
import time
import torch
V, H, N = 152_064, 8_192, 6_656
w = torch.randn(V, H, device="cuda", dtype=torch.bfloat16)
x = torch.randn(N, H, device="cuda", dtype=torch.bfloat16)
ids = torch.randint(0, V, (N, 1), device="cuda")
for chunk in (256, 512, 1024, 2048, 4096, 6656):
    for _ in range(2):
        torch.cuda.empty_cache(); torch.cuda.reset_peak_memory_stats(); torch.cuda.synchronize()
        base, start = torch.cuda.memory_allocated(), time.time()
        for i in range(0, N, chunk):
            logits = (x[i:i + chunk] @ w.t()).float()
            lp = torch.log_softmax(logits, -1)
            top = lp.topk(2, -1); chosen = lp.gather(-1, ids[i:i + chunk]); rank = (lp >= chosen).sum(-1)
            del logits, lp, top, chosen, rank
        torch.cuda.synchronize(); took = time.time() - start
    print(f"chunk {chunk}: peak {(torch.cuda.max_memory_allocated() - base) / 2**20:.0f} MiB above weights, {1000 * took:.1f} ms", flush=True)
