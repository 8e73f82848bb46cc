# The client of aiperf against the ground truth: aiperf_client.py URL STREAMS BODY. Two passes, the second counts. Every message carries aiperf's own
# stamp of its arrival (perf_counter is CLOCK_MONOTONIC on Linux), and in its text when it was written.
import asyncio, json, sys
from aiperf.transports.aiohttp_client import AioHttpClient

url, streams, body = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()

async def main():
    client = AioHttpClient(timeout=300)
    headers = {"Content-Type": "application/json"}
    for _ in range(2):
        records = await asyncio.gather(*(client.post_request(url + "/v1/chat/completions", body, headers) for _ in range(streams)))
    first, every = [], []
    for record in records:
        if record.error:
            sys.exit("the client failed: " + str(record.error)[-500:])
        errors = []
        for message in record.responses:
            data = "".join(packet.value or "" for packet in message.packets if packet.name == "data")
            if data != "[DONE]":
                errors.append(message.perf_ns - int(json.loads(data)["choices"][0]["delta"]["content"]))
        first.append(errors[0])
        every.extend(errors)
    await client.close()
    print(json.dumps({"first": first, "all": every, "cpuNs": 0, "wallNs": 0}))

asyncio.run(main())
