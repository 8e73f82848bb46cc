// An audit's report as people read it: whose ledgers, every check, and what the result is worth.
import { counted } from '../core/counted.ts';
import type { AuditReport } from '../pipeline/audit/audit.ts';
import type { CheckReport } from '../pipeline/audit/check.ts';
import { type LedgerSummary, SEED_SOURCES } from '../pipeline/audit/ledger-summary.ts';

const MARKS = { passed: 'ok', failed: 'FAILED', 'not-checked': 'unchecked', 'not-asked': '-' };

function ledgerLine({ validator, records, rounds, voids, last }: LedgerSummary): string {
  const size = `${validator}: ${counted(records, 'record')}, ${counted(rounds, 'round')}, ${counted(voids, 'void')}`;
  if (!last) return size;
  const { block, network, netuid, entries, valid, winner, seed } = last;
  return `${size}; last round ${block} on ${network}, netuid ${netuid}: ${valid} of ${entries} VALID, winner ${winner ?? 'nobody'}; its seed was ${SEED_SOURCES[seed]}`;
}

/** Lines that say the same once, with how often: one hole in a ledger would bury its cause. */
function* grouped<T extends { readonly path: string }>(
  items: readonly T[],
  say: (item: T, path: string) => string,
  same: (item: T) => string,
): Generator<string> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(same(item), [...(groups.get(same(item)) ?? []), item]);
  for (const [first, ...more] of groups.values())
    yield say(first!, more.length > 0 ? `${first!.path} and ${more.length} more` : first!.path);
}

function* tableLines(checks: readonly CheckReport[]): Generator<string> {
  const width = Math.max(...checks.map(({ name }) => name.length));
  yield `  ${'state'.padEnd(9)}  ${'check'.padEnd(width)}  its rule: a heading of .github/RULES.md`;
  for (const { name, state, rule } of checks)
    yield `  ${MARKS[state].padEnd(9)}  ${name.padEnd(width)}  "${rule}"`;
}

/** Whose ledgers, the checks as a table, every fault, and everything unchecked. */
export function* auditLines({
  ledgers,
  checks,
  faults,
  unchecked,
}: AuditReport): Generator<string> {
  for (const ledger of ledgers) yield ledgerLine(ledger);
  yield* tableLines(checks);
  yield* grouped(
    faults,
    ({ check, code, message }, path) => `${code}  ${path}  ${message}  [${check}]`,
    ({ check, code, message }) => `${check} ${code} ${message}`,
  );
  yield* grouped(
    unchecked,
    ({ why }, path) => `unchecked  ${path}  ${why}`,
    ({ path, why }) => `${path.split('/')[0]} ${why}`,
  );
}

/** What was not asked for, and what therefore nobody knows yet. */
function openPart(checks: readonly CheckReport[]): string {
  const open = checks.filter(({ state }) => state === 'not-asked');
  const chain = open.filter(({ needs }) => needs === 'chain').length;
  const told = [
    chain > 0
      ? `${counted(chain, 'check')} (-) would need --chain: submissions left out, payments, anchors, the weights on chain now`
      : '',
    open.length > chain ? '1 would need --witness: an end that was cut off, two histories' : '',
  ].filter((part) => part !== '');
  return told.length === 0 ? '' : `; not asked: ${told.join('; ')}`;
}

/** The last line: what the result is worth, and what it leaves open. */
export function verdictLine({
  ok,
  complete,
  records,
  evaluations,
  checks,
  faults,
  unchecked,
}: AuditReport): string {
  const counts = `${counted(records, 'record')}, ${counted(evaluations, 'evaluation')} judged again`;
  // They stand in the order in which a ledger is read: what is wrong early makes later parts wrong.
  const first =
    faults.length > 1 ? '; begin with the first of them: others may follow from it' : '';
  if (faults.length > 0)
    return `failed with ${counted(faults.length, 'fault')}: ${counts}${first}; .github/AUDITORS.md tells what to do`;
  if (!ok || !complete)
    return `not passed: no fault, but ${counted(unchecked.length, 'part')} unchecked, named above: ${counts}`;
  const open = openPart(checks);
  const from = checks.some(({ needs, state }) => needs === 'chain' && state === 'not-asked');
  return `passed${from ? ' offline' : ''}: ${counts}${open}`;
}
