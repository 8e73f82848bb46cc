# The client of guidellm against the ground truth: guidellm_client.py URL STREAMS BODY. Two passes, the second counts. guidellm keeps the times of
# the first and the last token; this keeps every value that its own code gives the last one. It takes them from the wall clock, which is shifted
# here to the monotonic one of the stamps.
import asyncio, json, sys, time
from guidellm.backends.openai.http import OpenAIHTTPBackend
from guidellm.schemas import GenerationRequest, GenerationRequestArguments, RequestInfo
from guidellm.schemas.backends.openai_http import OpenAIHTTPBackendArgs
from guidellm.schemas.base.info import RequestTimings

url, streams, body = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
shift = time.monotonic_ns() - time.time_ns()

class Noting(RequestTimings):
    def __setattr__(self, name, value):
        if name == "last_token_iteration":
            self.__dict__.setdefault("noted", []).append(value)
        super().__setattr__(name, value)

async def one(backend):
    info = RequestInfo(timings=Noting())
    info.timings = Noting()
    text = None
    async for response, _ in backend.resolve(GenerationRequest(columns={"text_column": ["x"]}), info):
        text = response.text if response is not None else text
    stamps = [int(stamp) for stamp in text.split()]
    noted = info.timings.__dict__["noted"]
    if len(noted) != len(stamps):
        sys.exit(f"the client noted {len(noted)} times for {len(stamps)} tokens")
    return [round(at * 1e9) + shift - stamp for at, stamp in zip(noted, stamps)]

async def main():
    backend = OpenAIHTTPBackend(OpenAIHTTPBackendArgs(target=url, model="truth", extras=GenerationRequestArguments(body=body)))
    await backend.process_startup()
    for _ in range(2):
        read = await asyncio.gather(*(one(backend) for _ in range(streams)))
    await backend.process_shutdown()
    print(json.dumps({"first": [errors[0] for errors in read], "all": [error for errors in read for error in errors], "cpuNs": 0, "wallNs": 0}))

asyncio.run(main())
