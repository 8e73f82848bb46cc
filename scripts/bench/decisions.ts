// How often the takeover rule is right, and what it costs, under eight kinds of noise.
import { NOISES, Random, speedOf } from './noise.ts';
import { oldRule, pointRule } from './older-rules.ts';
import { COPIES, type Day, dayOf, type Match, playMany, type Summary, TRIES } from './tries.ts';

/** Minutes of machine: a start takes 4, an arm 1; each later boot has two arms. */
function minutes({ boots, later }: Summary, more: boolean): number {
  const arm = 5;
  const first = 2 + 1 + 1 + (more ? 2 : 0);
  // The reference starts after boot 1, and once more after the last of several.
  return arm * (first + 1) + (boots - 1) * 2 * arm + later * arm;
}

const percent = (share: number): string => {
  const value = 100 * share;
  if (value === 0) return '0';
  return value < 0.1 ? value.toFixed(4) : value.toFixed(value < 10 ? 1 : 0);
};

function table(
  title: string,
  head: readonly string[],
  rows: () => Iterable<readonly string[]>,
): void {
  console.log(`\n${title}\n\n| ${head.join(' | ')} |\n|${head.map(() => '---').join('|')}|`);
  for (const row of rows()) console.log(`| ${row.join(' | ')} |`);
}

const match = (winner: number, gain: number): Match => ({
  winner: speedOf(winner),
  challenger: speedOf(winner + gain),
});

function* mainRows(): Iterable<readonly string[]> {
  for (const model of NOISES) {
    const copy = playMany(model, match(0.3, 0), COPIES);
    const gains = [0.01, 0.02, 0.03, 0.05].map((gain) => playMany(model, match(0.3, gain), TRIES));
    const uneven = playMany(
      model,
      { winner: speedOf(0.3), challenger: { ...speedOf(0.3), uneven: 0.1 } },
      TRIES * 5,
    );
    yield [
      model.name,
      percent(copy.share),
      percent(1 - (1 - copy.share) ** 10),
      ...gains.map(({ share }) => percent(share)),
      `${copy.boots.toFixed(2)}, ${gains[2]!.boots.toFixed(2)}`,
      percent(uneven.share),
    ];
  }
}

/** What hides or shifts the scale: no controls yet, a quieter day's calibration, a slow winner. */
function* doubtRows(): Iterable<readonly string[]> {
  for (const model of NOISES) {
    const fresh = (random: Random): Day => dayOf(random, model, 1, false);
    const quiet = (random: Random): Day => dayOf(random, model, 0.5);
    const slow = (boot: number, gain: number): string =>
      percent(playMany(model, { ...match(0.3, gain), slow: { boot, by: 0.1 } }, TRIES).share);
    yield [
      model.name,
      percent(playMany(model, match(0.3, 0), COPIES / 2, fresh).share),
      percent(playMany(model, match(0.3, 0.03), TRIES, fresh).share),
      percent(playMany(model, match(0.3, 0), COPIES / 2, quiet).share),
      `${slow(2, 0.03)}, ${slow(2, 0.05)}`,
      `${slow(3, 0.03)}, ${slow(3, 0.05)}`,
    ];
  }
}

function* winnerRows(): Iterable<readonly string[]> {
  for (const winner of [0.05, 0.3, 1])
    for (const model of [NOISES[1]!, NOISES[4]!]) {
      const copy = playMany(model, match(winner, 0), COPIES / 2);
      const gains = [0.02, 0.03, 0.05].map((gain) => playMany(model, match(winner, gain), TRIES));
      yield [String(winner), model.name, ...[copy, ...gains].map(({ share }) => percent(share))];
    }
}

/** An empty throne, whose slot the baseline holds; and Z1 of the second place. */
function* emptyRows(): Iterable<readonly string[]> {
  for (const model of NOISES) {
    const empty = (gain: number, tries: number): Summary =>
      playMany(model, { winner: null, challenger: speedOf(gain) }, tries);
    const stock = empty(0, COPIES / 2);
    const second = playMany(model, match(0.3, 0), COPIES / 2);
    const better = playMany(model, match(0.3, 0.05), TRIES);
    yield [
      model.name,
      percent(stock.share),
      ...[0.02, 0.03, 0.05].map((gain) => percent(empty(gain, TRIES).share)),
      percent(second.second),
      percent(better.second),
    ];
  }
}

function* costRows(): Iterable<readonly string[]> {
  for (const model of NOISES) {
    const [copy, better] = [0, 0.05].map((gain) => playMany(model, match(0.3, gain), TRIES));
    yield [
      model.name,
      ...[copy!, better!].flatMap((item) =>
        [false, true].map((more) => minutes(item, more).toFixed(1)),
      ),
    ];
  }
}

/** Beside the rules before: two boots of ten prompts with a t bound, and one boot's medians. */
function* olderRows(): Iterable<readonly string[]> {
  for (const model of NOISES) {
    const random = new Random(11);
    const share = (rule: typeof oldRule, gain: number, tries: number): string => {
      let crowned = 0;
      for (let i = 0; i < tries; i++)
        if (rule(random, model, speedOf(0.3), speedOf(0.3 + gain))) crowned++;
      return percent(crowned / tries);
    };
    yield [
      model.name,
      ...[0, 0.03, 0.05].map((gain) =>
        percent(playMany(model, match(0.3, gain), gain === 0 ? COPIES / 2 : TRIES).share),
      ),
      ...[0, 0.03, 0.05].map((gain) => share(oldRule, gain, gain === 0 ? COPIES / 2 : TRIES)),
      ...[0, 0.03, 0.05].map((gain) => share(pointRule, gain, TRIES)),
    ];
  }
}

/** `npm run bench -- decisions`: the tables that RULES prints; seeded, so that they repeat. */
export function decisions(): void {
  const noise = 'noise: prompt sd, boot sd';
  console.log(
    `Per cent of tries that end with a crown. Copies: ${COPIES} tries a row, others ${TRIES}; a calibration of 40 boots and 20 role controls of the same day unless said otherwise.`,
  );
  table(
    'A winner at 0.3, and a challenger that is a copy or better by so much:',
    [
      noise,
      'a copy',
      'ten copies, any',
      '+.01',
      '+.02',
      '+.03',
      '+.05',
      'boots: copy, +.03',
      'equal on average, 10 % apart by prompt',
    ],
    mainRows,
  );
  table(
    'The same where the scale is in doubt, and where the winner is slower by 10 % in one boot:',
    [
      noise,
      'a copy, no controls yet',
      '+.03, no controls yet',
      'a copy, calibrated on a day half as noisy',
      'slow in boot 2: +.03, +.05',
      'slow in boot 3: +.03, +.05',
    ],
    doubtRows,
  );
  table('Other winners:', ['winner', noise, 'a copy', '+.02', '+.03', '+.05'], winnerRows);
  table(
    'An empty throne, and Z1 >= 3 of the second place:',
    [
      noise,
      'a stock image is crowned',
      '+.02',
      '+.03',
      '+.05',
      'a copy passes the runner-up',
      '+.05 passes it',
    ],
    emptyRows,
  );
  table(
    'Machine-minutes of one challenger alone (a start 4, an arm 1), without and with runner-up and role control:',
    [noise, 'a copy', 'with both', '+.05', 'with both'],
    costRows,
  );
  table(
    'Beside the rule before (two boots, t bound) and a point margin over medians of one boot:',
    [
      noise,
      'now: a copy',
      '+.03',
      '+.05',
      'before: a copy',
      '+.03',
      '+.05',
      'point margin: a copy',
      '+.03',
      '+.05',
    ],
    olderRows,
  );
}
