// The measuring client as a program of its own: it shares no core and no garbage with the judge,
// and in a container it shares only the network namespace with the server. Commands come as lines
// of JSON on stdin, results leave as lines on stdout; the program ends with stdin. It imports only
// Node and the few files beside it: the sidecar's image holds nothing else.
import { createInterface } from 'node:readline';
import type { Exchange } from '../load-client.ts';
import type { ServerAddress } from './connection.ts';
import { type ClientRules, MeasuringClient } from './measuring-client.ts';
import { monotonicClockFrom } from '../../node/monotonic-clock.ts';
import { openCostMeter } from './client-cost.ts';

type Command = { readonly id: number } & (
  | {
      readonly op: 'open';
      readonly target: ServerAddress;
      readonly rules: ClientRules;
      readonly originNs: string;
    }
  | { readonly op: 'healthy' }
  | { readonly op: 'ask'; readonly body: string }
  | {
      readonly op: 'post';
      readonly path: string;
      readonly body: string;
      readonly seconds: number;
      readonly maxBytes: number;
    }
);

const cost = openCostMeter();
let client: MeasuringClient | null = null;

/** Bytes are packed only now, after the last stamp. */
const packed = ({ chunks, ...rest }: Exchange): unknown => ({
  ...rest,
  chunks: chunks.map(({ tNs, bytes }) => [tNs, Buffer.from(bytes).toString('base64')]),
});

async function obey(command: Command): Promise<unknown> {
  if (command.op === 'open') {
    client = new MeasuringClient(
      command.target,
      command.rules,
      monotonicClockFrom(BigInt(command.originNs)),
      cost,
    );
    return true;
  }
  if (!client) throw new Error('open comes first');
  if (command.op === 'healthy') return await client.healthy();
  if (command.op === 'ask') return packed(await client.ask(command.body));
  return packed(await client.post(command.path, command.body, command.seconds, command.maxBytes));
}

async function main(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const command = JSON.parse(line) as Command;
    const result = await obey(command);
    process.stdout.write(`${JSON.stringify({ id: command.id, result })}\n`);
  }
  process.exit(0);
}

void main();
