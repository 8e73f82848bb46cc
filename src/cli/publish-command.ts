// Command that signs the plan of a round, or judges measured traces and signs the result.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from '../compose/repository.ts';
import { scanPorts } from '../compose/scanning.ts';
import { ledgerOf, validatorPair } from '../compose/settling.ts';
import { judgeRound } from '../judge/round.ts';
import { tracesOf } from '../ledger/io/evidence-files.ts';
import { readFolder } from '../ledger/io/git-store.ts';
import { planOf } from '../ledger/plans.ts';
import { publishPlan, publishRound, publishVoid } from '../pipeline/publish.ts';
import { scan } from '../pipeline/scan.ts';
import { loadTokenizer } from '../prompts/io/tokenizer-file.ts';
import type { RunCommand } from './command.ts';
import { optional, wholeNumber } from './options.ts';
import { openChain, operatorOf, workplace } from './workplace.ts';

/**
 * `cacheon publish`: without --round, scans and signs the plan of now; with `--round BLOCK --traces
 * DIR`, judges the traces of that plan and signs the round, or a void where there are none.
 */
export const publishCommand: RunCommand = async (invocation) => {
  const { log, json } = invocation;
  const { arena, store } = workplace(invocation);
  const pair = validatorPair();
  const ledger = ledgerOf(pair, store);
  const tokenizer = loadTokenizer(arena.tokenizer, ROOT);
  const block = wholeNumber(invocation, 'round', 0, Number.MAX_SAFE_INTEGER);
  const dryRun = invocation.values['dry-run'] === true;
  const say = (value: unknown): void => {
    if (json) process.stdout.write(`${JSON.stringify(value)}\n`);
  };
  if (block === undefined) {
    const chain = await openChain(invocation, arena);
    const corpus = optional(invocation, 'corpus');
    const draft = await scan(
      scanPorts(chain, { arena, root: ROOT, corpus }, log),
      arena,
      await operatorOf(pair.address),
      await ledger.read(),
    );
    await chain.disconnect();
    const outcome = dryRun
      ? { outcome: 'dry-run', plan: null }
      : await publishPlan({ ledger, log }, draft);
    say({ outcome: outcome.outcome, block: outcome.plan?.predicate.block.number ?? null });
    return 0;
  }
  const plan = planOf(await ledger.read(), block);
  const folder = resolve(optional(invocation, 'traces') ?? join('out', String(block)));
  mkdirSync(folder, { recursive: true });
  const evidence = new Map(
    [...readFolder(folder)].filter(([path]) => /^(?:traces|logs|images)\//.test(path)),
  );
  if (dryRun) {
    say({ outcome: 'dry-run', block });
    return 0;
  }
  if (evidence.size === 0) await publishVoid({ ledger, log }, plan, 'the evaluation left no trace');
  else {
    await publishRound(
      { ledger, log },
      plan,
      judgeRound(plan, tracesOf(evidence), tokenizer),
      evidence,
    );
  }
  say({ outcome: evidence.size === 0 ? 'void' : 'round', block });
  return 0;
};
