# The client of `vllm bench serve` against the ground truth: vllm_client.py URL STREAMS BODY. Two passes, the second counts. The stamps come back
# as the generated text; arrivals follow from its own start, TTFT and ITLs (perf_counter is CLOCK_MONOTONIC on Linux).
import asyncio, json, sys
import aiohttp
from vllm.benchmarks.lib.endpoint_request_func import RequestFuncInput, async_request_openai_chat_completions as ask

url, streams, body = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])

async def main():
    connector = aiohttp.TCPConnector(limit=0, limit_per_host=0)
    async with aiohttp.ClientSession(connector=connector, trust_env=False, timeout=aiohttp.ClientTimeout(total=300)) as session:
        def given():
            return RequestFuncInput(prompt="x", api_url=url + "/v1/chat/completions", prompt_len=1, output_len=body["truth"]["tokens"], model="truth", extra_body=body)
        for _ in range(2):
            outputs = await asyncio.gather(*(ask(given(), session=session) for _ in range(streams)))
        first, every = [], []
        for output in outputs:
            if not output.success:
                sys.exit("the client failed: " + output.error[-500:])
            at, errors = output.start_time + output.ttft, []
            stamps = [int(text) for text in output.generated_text.split()]
            for i, stamp in enumerate(stamps):
                if i > 0:
                    at += output.itl[i - 1]
                errors.append(round(at * 1e9) - stamp)
            first.append(errors[0])
            every.extend(errors)
        print(json.dumps({"first": first, "all": every, "cpuNs": 0, "wallNs": 0}))

asyncio.run(main())
