// Every engine of this repository, honest and cheating, measured beside one baseline and judged.
import { join } from 'node:path';
import { armOrder } from '../arena/deal.ts';
import { measuringPorts } from '../compose/measuring-host.ts';
import { readArena, ROOT } from '../compose/repository.ts';
import { fromHex } from '../core/bytes.ts';
import type { Log } from '../core/log.ts';
import { readBoot } from '../judge/boot.ts';
import type { EngineTarget } from '../measure/engine.ts';
import type { Arm } from '../pipeline/evaluate/boot-parts.ts';
import { measureBoot } from '../pipeline/evaluate/boot-run.ts';
import { generatedCorpus } from '../prompts/corpus.ts';
import { bootSuite, poolsOf } from '../prompts/suites.ts';
import { tracePath } from '../schema/paths.ts';
import type { Reason } from '../schema/reasons.ts';
import type { Verdict } from '../schema/verdicts.ts';
import { namedImage } from './engine-names.ts';
import type { Variant } from './engine/variant.ts';
import { VARIANTS } from './engine/variants/index.ts';

/** What one boot said of an engine. */
export type Contender = {
  readonly variant: Variant;
  readonly verdict: Verdict;
  readonly reasons: readonly Reason[];
  readonly score: number;
};

/** The prompts repeat, so that verdicts do. */
const SEED = `0x${'ed'.repeat(32)}`;

const targetOf = (name: string): EngineTarget => ({ kind: 'image', ...namedImage(name) });

/** Names of arms in traces are letters and digits. */
const armName = (name: string): string => name.replaceAll(/[^a-z0-9]/g, '');

/**
 * Measures every variant of the tiny engine as a process in one boot, and judges it as a round
 * would. Adding an engine is one file under `engine/variants/`.
 */
export async function playRedTeam(log: Log): Promise<Contender[]> {
  const arena = readArena(join(ROOT, 'src/devnet/arena.json'));
  const engines = { kind: 'processes', command: join(ROOT, 'scripts/cacheon') } as const;
  const ports = await measuringPorts(arena, ROOT, engines, { log, keep: () => undefined });
  const { tokenizer } = ports;
  const sources = { corpus: generatedCorpus(), tokenizer };
  const prompts = bootSuite(arena, sources, SEED, { shard: 0, boot: 1 });
  const pools = poolsOf(prompts);
  const byArm = new Map([...VARIANTS.values()].map((variant) => [armName(variant.name), variant]));
  const arms = armOrder([...byArm.keys()], fromHex(SEED)!, 0, 1).map((name): Arm => ({
    ...{ name, role: 'challenger', key: null, target: targetOf(byArm.get(name)!.name) },
  }));
  const boot = { seed: SEED, beganNs: ports.clock.nowNs(), shard: 0, boot: 1, prompts, pools };
  const [baseline, reference] = [targetOf('plain'), targetOf('plain')];
  const traces = await measureBoot(ports, arena, { ...boot, baseline, reference, arms }).finally(
    () => ports.close(),
  );
  const reading = readBoot({
    given: (name, run) => traces.get(tracePath(0, 1, name, run)) ?? null,
    context: { arena, tokenizer, prompts: pools },
    place: 'the red team',
    belongs: () => true,
  });
  return [...byArm].map(([name, variant]) => {
    const { verdict, reasons, score } = reading.judge({ name, incumbent: false })!;
    return { variant, verdict, reasons, score };
  });
}

/** What the table says of a verdict: the codes of its reasons too where it is none of validity. */
export const verdictOf = ({ verdict, reasons }: Pick<Contender, 'verdict' | 'reasons'>): string =>
  verdict === 'VALID' ? verdict : `${verdict}: ${reasons.map(({ code }) => code).join(', ')}`;

/** The table of README.md. */
export function redTeamTable(judged: readonly Contender[]): string {
  const rows = judged.map(({ variant, ...found }) => {
    const side = variant.honest ? 'honest' : 'cheat';
    return `| \`${variant.name}\` | ${side} | ${variant.about} | ${verdictOf(found)} | ${found.score.toFixed(2)} |`;
  });
  return ['| engine | | what it does | verdict | score |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}
