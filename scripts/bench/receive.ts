// A client under benchmark in its own process: receives streams and reports its timing errors.
// Usage: node receive.ts KIND URL STREAMS TOKENS ITL_MS. Two passes, of which the second counts;
// prints one JSON line with the errors against the stamps in the stream, in ns.
import { MeasuringClient } from '../../src/measure/io/measuring-client.ts';
import { monotonicClockFrom } from '../../src/node/monotonic-clock.ts';
import { openCostMeter } from '../../src/measure/io/client-cost.ts';
import { errorsOf } from '../../src/measure/clock-error.ts';

const [kind, url, streams, tokens, itlMs] = process.argv.slice(2);
const body = JSON.stringify({
  stream: true,
  truth: { ttftMs: 20, itlMs: Number(itlMs), tokens: Number(tokens) },
});
const { hostname, port } = new URL(url!);
const origin = process.hrtime.bigint();
const clock = monotonicClockFrom(origin);
const rules = {
  deadlines: { start: 60, connect: 10, firstByte: 60, interChunk: 60, request: 300 },
  limits: {
    headerBytes: 16_384,
    informational: 16,
    lineBytes: 1e9,
    bodyBytes: 4e9,
    chunks: 1e9,
    events: 1e9,
  },
};

type Pass = () => Promise<{ first: number[]; all: number[] }>;
const cost = openCostMeter();
const clients = Array.from(
  { length: Number(streams) },
  () => new MeasuringClient({ host: hostname, port: Number(port) }, rules, clock, cost),
);
const ours: Pass = async () => {
  const exchanges = await Promise.all(clients.map((client) => client.ask(body)));
  const read = exchanges.map((exchange) => errorsOf(exchange, origin).errorsNs);
  return { first: read.map((errors) => errors[0]!), all: read.flat() };
};
/** What most clients do: read, decode, split, parse, and take the time when all that is done. */
const plainFetch: Pass = async () => {
  const one = async (): Promise<number[]> => {
    const response = await fetch(`${url!}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const errors: number[] = [];
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
      rest += decoder.decode(bytes, { stream: true });
      const events = rest.split('\n\n');
      rest = events.pop()!;
      for (const event of events) {
        if (event === 'data: [DONE]') continue;
        const { choices } = JSON.parse(event.slice(6)) as {
          choices: { delta: { content: string } }[];
        };
        const now = process.hrtime.bigint();
        errors.push(Number(now - BigInt(choices[0]!.delta.content.trim())));
      }
    }
    return errors;
  };
  const read = await Promise.all(clients.map(one));
  return { first: read.map((errors) => errors[0]!), all: read.flat() };
};

const pass = kind === 'fetch' ? plainFetch : ours;
await pass();
const began = process.cpuUsage();
const startedNs = process.hrtime.bigint();
const { first, all } = await pass();
const { user, system } = process.cpuUsage(began);
process.stdout.write(
  `${JSON.stringify({ first, all, cpuNs: (user + system) * 1000, wallNs: Number(process.hrtime.bigint() - startedNs) })}\n`,
  () => process.exit(0),
);
