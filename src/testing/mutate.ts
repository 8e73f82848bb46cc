// Changes a ledger at random, as a forger would try it: numbers, records, times, places, evidence.
import { unpackText, packEvidence } from '../ledger/io/evidence-files.ts';
import { utf8 } from '../core/bytes.ts';
import type { Prng } from '../core/prng.ts';
import type { Forged, Workbench } from './forger.ts';

/** What was changed, in words; null where this kind found nothing to change. */
export type Mutation = { readonly kind: string; readonly what: string } | null;
/** One kind of change, with the numbers that choose its place. */
type Mutate = (bench: Workbench, draw: Prng) => string | null;

const pick = <T>(list: readonly T[], draw: Prng): T | undefined =>
  list.length === 0 ? undefined : list[draw.below(list.length)];

/** A place in a JSON value that holds a leaf. */
type Leaf = { readonly at: string; readonly parent: Record<string, unknown>; readonly key: string };

function leavesOf(value: unknown, at: string, found: Leaf[] = []): Leaf[] {
  if (typeof value !== 'object' || value === null) return found;
  for (const [key, item] of Object.entries(value)) {
    const place = `${at}.${key}`;
    if (typeof item === 'object' && item !== null) leavesOf(item, place, found);
    else found.push({ at: place, parent: value as Record<string, unknown>, key });
  }
  return found;
}

/** Another value of the same type. */
function other(value: unknown, draw: Prng): unknown {
  if (typeof value === 'number') {
    const step = [1, -1, 2, 1000, 0.5][draw.below(5)]!;
    return Number.isInteger(value) && step === 0.5 ? value + 1 : value + step;
  }
  if (typeof value === 'boolean') return !value;
  if (typeof value !== 'string') return 0;
  const text = value;
  if (/^(?:0x)?[0-9a-f]{8,}$/.test(text)) {
    const at = text.length - 1 - draw.below(6);
    return `${text.slice(0, at)}${text[at] === '7' ? '8' : '7'}${text.slice(at + 1)}`;
  }
  return `${text}x`;
}

/** Changes one value of one record. */
const value: Mutate = ({ records }, draw) => {
  const record = pick(records, draw)!;
  const leaf = pick(leavesOf(record.predicate, 'predicate'), draw);
  if (!leaf || leaf.key === 'seq' || leaf.key === 'prev') return null;
  const before = leaf.parent[leaf.key];
  leaf.parent[leaf.key] = other(before, draw);
  return `${record.path} ${leaf.at}: ${String(before).slice(0, 40)} -> ${String(leaf.parent[leaf.key]).slice(0, 40)}`;
};

const drop: Mutate = ({ records }, draw) => {
  const at = draw.below(records.length);
  return records.splice(at, 1)[0]!.path;
};

const swap: Mutate = ({ records }, draw) => {
  const at = draw.below(records.length - 1);
  const [first, second] = records.splice(at, 2) as [Forged, Forged];
  records.splice(at, 0, second, first);
  return `${first.path} and ${second.path}`;
};

/** Puts a record, or what it says, in the place of another of its kind. */
const move: Mutate = ({ records }, draw) => {
  const from = pick(records, draw)!;
  const to = pick(
    records.filter((item) => item !== from && item.predicateType === from.predicateType),
    draw,
  );
  if (!to) return null;
  const keys = Object.keys(from.predicate as object).filter(
    (key) => key !== 'seq' && key !== 'prev',
  );
  const key = pick(keys, draw)!;
  const own = JSON.stringify((to.predicate as Record<string, unknown>)[key]);
  const theirs = (from.predicate as Record<string, unknown>)[key];
  if (own === JSON.stringify(theirs)) return null;
  (to.predicate as Record<string, unknown>)[key] = structuredClone(theirs);
  return `${key} of ${from.path} in ${to.path}`;
};

/** Drops, or repeats, a member of a list in a record. */
const member: Mutate = ({ records }, draw) => {
  const record = pick(records, draw)!;
  const lists: [string, unknown[]][] = [];
  const look = (item: unknown, at: string): void => {
    if (typeof item !== 'object' || item === null) return;
    if (Array.isArray(item) && item.length > 0) lists.push([at, item as unknown[]]);
    for (const [key, inner] of Object.entries(item)) look(inner, `${at}.${key}`);
  };
  look(record.predicate, 'predicate');
  const found = pick(lists, draw);
  if (!found) return null;
  const [at, list] = found;
  const index = draw.below(list.length);
  if (draw.below(2) === 0) list.splice(index, 1);
  else list.splice(index, 0, structuredClone(list[index]));
  return `${record.path} ${at}[${index}]`;
};

/** The lines of a trace, changed. */
function inTrace(
  { evidence }: Workbench,
  draw: Prng,
  change: (lines: Record<string, unknown>[]) => string | null,
): string | null {
  const path = pick(
    [...evidence.keys()].filter((name) => name.includes('/traces/')),
    draw,
  );
  if (path === undefined) return null;
  const text = unpackText(evidence.get(path)!)!;
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const what = change(lines);
  if (what === null) return null;
  evidence.set(path, packEvidence(utf8(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))));
  return `${path} ${what}`;
}

const traceValue: Mutate = (bench, draw) =>
  inTrace(bench, draw, (lines) => {
    const line = pick(lines, draw)!;
    const leaf = pick(leavesOf(line, String(line['type'])), draw);
    if (!leaf || leaf.key === 'type') return null;
    const before = leaf.parent[leaf.key];
    leaf.parent[leaf.key] = other(before, draw);
    return `${leaf.at}: ${String(before).slice(0, 40)}`;
  });

/** All times of a trace, some milliseconds earlier or later from some line on. */
const traceTimes: Mutate = (bench, draw) =>
  inTrace(bench, draw, (lines) => {
    const from = draw.below(lines.length);
    const byNs = (draw.below(40) - 20) * 1_000_000 || 1_000_000;
    for (const line of lines.slice(from))
      if (typeof line['tNs'] === 'number') line['tNs'] = Math.max(0, line['tNs'] + byNs);
    return `times from line ${from} by ${byNs} ns`;
  });

const traceLines: Mutate = (bench, draw) =>
  inTrace(bench, draw, (lines) => {
    const at = 1 + draw.below(lines.length - 1);
    const [line] = lines.splice(at, 1);
    if (draw.below(2) === 0) return `without line ${at}`;
    lines.splice(1 + draw.below(lines.length), 0, line!);
    return `line ${at} elsewhere`;
  });

/** A trace in the place of another one: of another arm, boot, or round. */
const traceMoved: Mutate = ({ evidence }, draw) => {
  const paths = [...evidence.keys()];
  const from = pick(paths, draw)!;
  const to = pick(
    paths.filter((path) => path !== from && path.split('/')[2] === from.split('/')[2]),
    draw,
  );
  if (to === undefined) return null;
  const bytes = evidence.get(from)!;
  if (draw.below(2) === 0) evidence.set(from, evidence.get(to)!);
  evidence.set(to, bytes);
  return `${from} at ${to}`;
};

const traceGone: Mutate = ({ evidence }, draw) => {
  const path = pick([...evidence.keys()], draw)!;
  evidence.delete(path);
  return path;
};

/** Every kind of change, and how often it is tried: most of them are single values. */
const KINDS: readonly (readonly [name: string, weight: number, mutate: Mutate])[] = [
  ['value', 10, value],
  ['member', 4, member],
  ['move', 3, move],
  ['drop', 1, drop],
  ['swap', 1, swap],
  ['trace value', 6, traceValue],
  ['trace times', 3, traceTimes],
  ['trace lines', 3, traceLines],
  ['trace moved', 2, traceMoved],
  ['trace gone', 1, traceGone],
];

/** Changes a ledger in one place that the numbers choose. */
export function mutate(bench: Workbench, draw: Prng): Mutation {
  let left = draw.below(KINDS.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [kind, weight, change] of KINDS) {
    if (left < weight) {
      const what = change(bench, draw);
      return what === null ? null : { kind, what };
    }
    left -= weight;
  }
  return null;
}
