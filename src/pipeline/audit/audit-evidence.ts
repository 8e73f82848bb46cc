// Checks of a round's traces: each arm has its own, in one order of time, within what is possible.
import { armOrder } from '../../arena/deal.ts';
import { compactJson } from '../../core/canonical.ts';
import { fromHex } from '../../core/bytes.ts';
import { firstDifference } from '../../core/difference.ts';
import { brokeOffAt } from '../../judge/planned-boot.ts';
import { CONTROL, hasControl } from '../../judge/role-control.ts';
import { BASELINE, plannedEntry } from '../../judge/shard.ts';
import { pinnedImage } from '../../schema/image-ref.ts';
import { folderOf, tracePath, type TracePlace, tracePlace } from '../../schema/paths.ts';
import type { Trace, TracedRequest } from '../../schema/trace.ts';
import type { Check, Notes } from './check.ts';
import type { RoundSubject } from './subjects.ts';

/** A trace at its path. */
type Placed = TracePlace & { readonly path: string; readonly trace: Trace };

/** The traces of a round, by their paths. */
function placedTraces({ evidence }: RoundSubject): Placed[] {
  return [...evidence.traces].flatMap(([path, trace]) => {
    const place = tracePlace(path);
    return place ? [{ path, trace, ...place }] : [];
  });
}

/** What the header of a trace must say, by its path, its plan and its seed. */
function headerOf(subject: RoundSubject, { shard, boot, name, run }: Placed): object {
  const { plan, round, arena } = subject;
  const place = { seed: round.predicate.seed, shard, boot, run };
  if (name === BASELINE || name === CONTROL) {
    const { image, digest } = pinnedImage(arena.images.baseline);
    const role = name === CONTROL ? 'control' : 'baseline';
    return { ...place, role, key: null, image: `${image}@${digest}` };
  }
  const line = plannedEntry(plan, name);
  const role = line.role === 'challenger' ? 'challenger' : 'incumbent';
  return { ...place, role, key: name, image: `${line.image}@${line.digest}` };
}

/** A trace belongs to the arm that its path names: seed, place, role, image (A8). */
function checkHeaders(subject: RoundSubject, { fault }: Notes): void {
  const { plan } = subject;
  const listed = new Set(plan.predicate.submissions.map(({ key }) => key));
  for (const placed of placedTraces(subject)) {
    const { path, name, trace } = placed;
    const at = `${folderOf(subject.round.path)}${path}`;
    if (name !== BASELINE && name !== CONTROL && !listed.has(name)) {
      fault('OMISSION', at, `${name} is no entry of the plan`);
      continue;
    }
    const { seed, shard, boot, run, role, key, image } = trace.header;
    const found = { seed, shard, boot, run, role, key, image };
    const difference = firstDifference(found, headerOf(subject, placed), 'header');
    if (difference !== null) fault('WRONG_CONTEXT', at, difference);
  }
}

/** Who must have run in each boot of a shard, by the round's own entries and decisions. */
function expectedNames({ round, arena }: RoundSubject, shard: number, boot: number): string[] {
  const { entries, decisions } = round.predicate;
  const measured = entries
    .filter(({ boots }) => boots.some((item) => item.shard === shard && item.boot === boot))
    .map(({ key }) => key);
  const controls = hasControl(arena, shard, boot) ? [CONTROL] : [];
  const against = decisions.some((item) => item.shard === shard && item.against === 'baseline');
  const holder = boot > 1 && against && measured.length > 0 ? [BASELINE] : [];
  return [...measured, ...controls, ...holder];
}

/**
 * Each arm that was to run left a trace, and no other did: a rival whose trace is gone would be
 * called a fault of the machine (A8). A machine may break off; then nothing later is there.
 */
function checkWhole(subject: RoundSubject, { fault }: Notes): void {
  const { round, arena, drawn, evidence } = subject;
  const placed = placedTraces(subject);
  const boots = Array.from({ length: arena.takeover.stop.length + 1 }, (_, i) => i + 1);
  for (const { index: shard } of round.predicate.shards)
    for (const boot of boots) {
      const names = expectedNames(subject, shard, boot);
      const here = placed.filter((item) => item.shard === shard && item.boot === boot);
      const has = (name: string): boolean => here.some((item) => item.name === name);
      const judging = { seed: drawn.seed, traces: evidence.traces };
      const broken = here.length === 0 || brokeOffAt(judging, { shard, boot }, names) !== null;
      for (const name of names)
        if (!has(name) && !broken && (boot > 1 || has(BASELINE)))
          fault(
            'OMISSION',
            `${folderOf(subject.round.path)}${tracePath(shard, boot, name, 1)}`,
            `${name} ran in boot ${boot}, and left no trace`,
          );
      for (const { name, path } of here)
        if (!names.includes(name) && !(boot === 1 && name === BASELINE))
          fault(
            'RECOMPUTE_MISMATCH',
            `${folderOf(subject.round.path)}${path}`,
            `${name} was not to run in boot ${boot}`,
          );
    }
}

/** Time of the last thing that a trace saw, since it began. */
function lengthNs({ requests, events }: Trace): number {
  const ends = requests.map((request) => request.end?.tNs ?? lastChunkNs(request));
  return [...ends, ...events.map(({ tNs }) => tNs)].reduce((a, b) => Math.max(a, b), 0);
}

const lastChunkNs = ({ chunks, sentNs }: TracedRequest): number => chunks.at(-1)?.tNs ?? sentNs;

/** The arms of a shard have one order of time and never overlap, in the order that the seed drew. */
function checkTime(subject: RoundSubject, { fault }: Notes): void {
  const { round, drawn } = subject;
  const placed = placedTraces(subject);
  for (const { index: shard } of round.predicate.shards) {
    const own = placed
      .filter((item) => item.shard === shard)
      .sort((a, b) => a.trace.header.originNs - b.trace.header.originNs);
    let before: Placed | null = null;
    for (const next of own) {
      const end = before ? before.trace.header.originNs + lengthNs(before.trace) : 0;
      if (before && next.trace.header.originNs < end)
        fault(
          'TIME',
          `${folderOf(subject.round.path)}${next.path}`,
          `it began before ${before.path} ended`,
        );
      before = next;
    }
    for (const boot of new Set(own.map((item) => item.boot)))
      checkOrder(subject, { shard, boot, seed: drawn.seed }, own, fault);
  }
}

/** The first runs of a boot came in the order that the seed drew. */
function checkOrder(
  subject: RoundSubject,
  { shard, boot, seed }: { readonly shard: number; readonly boot: number; readonly seed: string },
  inTime: readonly Placed[],
  fault: Notes['fault'],
): void {
  const names = expectedNames(subject, shard, boot);
  const ran = inTime
    .filter((item) => item.boot === boot && item.run === 1 && names.includes(item.name))
    .map(({ name }) => name);
  const drawn = armOrder(names, fromHex(seed)!, shard, boot).filter((name) => ran.includes(name));
  if (compactJson(ran) !== compactJson(drawn))
    fault(
      'TIME',
      subject.round.path,
      `shard ${shard}, boot ${boot} ran in another order than drawn`,
    );
}

/** Within a trace: the server started, was healthy, and was asked one thing after the other. */
function* courseFaults({ requests, events }: Trace): Generator<string> {
  if (requests.length === 0) return;
  const start = events.find(({ name }) => name === 'start');
  const healthy = events.find(({ name }) => name === 'healthy');
  if (!start || !healthy) yield 'its server never started, or was never healthy';
  let freeNs = healthy?.tNs ?? 0;
  for (const request of [...requests].sort((a, b) => a.sentNs - b.sentNs)) {
    const { prompt, sentNs, end } = request;
    if (sentNs < freeNs) yield `prompt ${prompt} was asked before its server was free`;
    if (end && end.tNs < lastChunkNs(request)) yield `prompt ${prompt} ended before its last chunk`;
    freeNs = Math.max(freeNs, end?.tNs ?? lastChunkNs(request));
  }
}

/** What no machine of this tier can do, by the arena (RULES "Plausible times"). */
function* impossible(
  { arena }: RoundSubject,
  { prompt, sentNs, chunks, teacher }: TracedRequest,
): Generator<string> {
  const { leastTtftMs, mostTokensPerSecond } = arena.plausibility;
  const first = chunks.find(({ bytes }) => bytes.length > 0);
  const last = chunks.at(-1);
  if (!first || !last) return;
  const ttftMs = (first.tNs - sentNs) / 1e6;
  if (ttftMs < leastTtftMs)
    yield `prompt ${prompt} was answered after ${ttftMs} ms, ${leastTtftMs} are the least`;
  const seconds = Math.max((last.tNs - sentNs) / 1e9, 1e-9);
  // As the reference forced them; without it at least as many as there are events.
  const events = chunks.reduce((sum, { bytes }) => sum + eventsIn(bytes), 0);
  const tokens = Math.max(events - EXTRA_EVENTS, teacher?.tokenIds.length ?? 0);
  if (tokens > mostTokensPerSecond * seconds)
    yield `prompt ${prompt} came at ${Math.round(tokens / seconds)} tokens a second, ${mostTokensPerSecond} are the most`;
}

/** Events of an answer without a token of its own: the first, the last, usage, `[DONE]`. */
const EXTRA_EVENTS = 4;
const NEWLINE = 10;
/** Events that end in these bytes: each ends with an empty line. */
function eventsIn(bytes: Uint8Array): number {
  let found = 0;
  for (let i = 1; i < bytes.length; i++)
    if (bytes[i] === NEWLINE && bytes[i - 1] === NEWLINE) found++;
  return found;
}

function checkPlausible(subject: RoundSubject, { fault }: Notes): void {
  for (const { path, trace } of placedTraces(subject)) {
    const at = `${folderOf(subject.round.path)}${path}`;
    for (const what of courseFaults(trace)) fault('TIME', at, what);
    const wrong = trace.requests.flatMap((request) => [...impossible(subject, request)]);
    if (wrong[0] !== undefined) fault('TIME', at, wrong[0]);
  }
}

/** The arms of a shard ran on one machine, whose clock was checked once. */
function checkHosts(subject: RoundSubject, { fault }: Notes): void {
  const first = new Map<number, { readonly path: string; readonly said: string }>();
  for (const { shard, path, trace } of placedTraces(subject)) {
    const { host, clock } = trace.header;
    const said = compactJson({ host: host ?? null, clock: clock ?? null });
    const other = first.get(shard);
    if (!other) first.set(shard, { path, said });
    else if (other.said !== said)
      fault(
        'WRONG_CONTEXT',
        `${folderOf(subject.round.path)}${path}`,
        `another host or clock than ${other.path}`,
      );
  }
}

/** Every check of a round's evidence. */
export const EVIDENCE_CHECKS: readonly Check<RoundSubject>[] = [
  { name: 'headers', needs: 'ledger', rule: 'Lines of a trace', run: checkHeaders },
  { name: 'traces-whole', needs: 'ledger', rule: 'Audit of a round', run: checkWhole },
  { name: 'order-of-time', needs: 'ledger', rule: 'Order of a boot', run: checkTime },
  { name: 'plausible', needs: 'ledger', rule: 'Plausible times', run: checkPlausible },
  { name: 'one-host', needs: 'ledger', rule: "Hosts in a round's record", run: checkHosts },
];
