// What a miner is shown before anything is paid, and the question whether to go on.
import { createInterface } from 'node:readline';
import { checkImageHead } from '../compose/checking-image.ts';
import { DeclinedError, UsageError } from '../compose/errors.ts';
import type { Log } from '../core/log.ts';
import type { Ledger } from '../ledger/read.ts';
import { type SubmitTerms, taoText } from '../pipeline/submit/submit-steps.ts';
import type { Arena } from '../schema/arena.ts';
import { hanging } from './screen.ts';

/** How a submission is agreed to. */
export type Agreeing = {
  readonly arena: Arena;
  readonly base: string | null;
  /** Public ledgers, for the search for copies. */
  readonly ledgers: () => Promise<readonly Ledger[]>;
  /** Whether nobody is asked: --yes, --no-prompt, --json. */
  readonly yes: boolean;
  /** Whether the image is not looked at: --unchecked. */
  readonly unchecked: boolean;
  readonly log: Log;
};

/** The terms as a miner reads them. */
export function* termLines(terms: SubmitTerms): Generator<string> {
  const { network, netuid, hotkey, uid, coldkey, image, digest, payment, paidIn } = terms;
  const line = (name: string, text: string): string[] => hanging(`  ${name.padEnd(9)} `, text);
  yield 'about to submit:';
  yield* line('image', image);
  yield* line('digest', digest);
  yield* line('hotkey', `${hotkey} (uid ${uid})`);
  yield* line('network', `${network}, subnet ${netuid}`);
  if (payment) {
    const { amountRao, networkFeeRao, balanceRao, treasury } = payment;
    yield* line('fee', `${taoText(amountRao)} to the treasury ${treasury}`);
    yield* line(
      'from',
      `${coldkey}: ${taoText(balanceRao)} now, ${taoText(balanceRao - amountRao - networkFeeRao)} after it and ${taoText(networkFeeRao)} for the network`,
    );
  } else yield* line('fee', paidText(paidIn, terms.resumes));
  yield* line(
    'commits',
    terms.sealed ? 'sealed: nobody reads it before its reveal' : 'in plain text, at once',
  );
  if (terms.replaces !== null)
    yield* line(
      'replaces',
      `${terms.replaces} (if no plan has listed it, it is lost with its fee)`,
    );
}

/** What becomes of the fee where nothing new is paid. */
function paidText(paidIn: number | null, resumes: string | null): string {
  if (paidIn !== null) return `paid before, in block ${paidIn}`;
  return resumes === null ? 'none' : `signed before and sent again, never another: ${resumes}`;
}

/** Asks yes or no on the terminal; Ctrl-C and Ctrl-D are no. */
function askYes(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    let answer = '';
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => {
      if (answer === '') process.stderr.write('\n');
      resolve(/^y(?:es)?$/i.test(answer.trim()));
    });
    lines.question(`${question} [y/N] `, (text) => {
      answer = `${text} `;
      lines.close();
    });
  });
}

/** What a refusal leaves behind: of a submission that was begun before the payment stays good. */
const untouched = ({ paidIn, resumes }: SubmitTerms): string =>
  paidIn === null && resumes === null ? 'nothing was paid' : 'the earlier payment is kept';

/** Throws where a validator would refuse the image, before anything is sent. */
async function assertChecked({ arena, base, ledgers, log }: Agreeing, terms: SubmitTerms) {
  const { image, digest, hotkey } = terms;
  log.info(`asking the registry for ${image}@${digest}`);
  const question = { arena, image: `${image}@${digest}`, base, hotkey, ledgers: await ledgers() };
  const { findings, reached } = await checkImageHead(question);
  const wrong = findings.find(({ state }) => state === 'fail');
  if (wrong)
    throw new UsageError(
      `a validator would refuse it (${wrong.verdict ?? ''}): ${wrong.detail}; ${untouched(terms)}`,
      `${wrong.mend ?? ''}; cacheon check ${image}@${digest} tells all of it`,
    );
  if (reached) return;
  const what = `its registry does not answer: ${findings[0]!.detail}`;
  const paid = terms.paidIn !== null || terms.resumes !== null;
  if (arena.network !== 'local' && !paid)
    throw new UsageError(
      `${what}; ${untouched(terms)}`,
      'validators must reach it; --unchecked goes on all the same',
    );
  // Who paid already loses more by a commitment that comes late than by one that must wait.
  log.warn(
    `${what}; ${paid ? 'the fee is paid, so it goes on' : 'on a local chain that may be so'}`,
  );
}

/**
 * Looks at the image, shows what is about to be sent, and asks at a terminal. Throws `DECLINED` where
 * the answer is no, `USAGE` where nobody can be asked.
 */
export async function agreeTo(agreeing: Agreeing, terms: SubmitTerms): Promise<void> {
  const { log, yes, unchecked } = agreeing;
  if (!unchecked) await assertChecked(agreeing, terms);
  const asks = !yes && process.stdin.isTTY;
  // Whoever is asked sees what he agrees to, however quiet the rest is.
  for (const line of termLines(terms))
    if (asks) process.stderr.write(`${line}\n`);
    else log.info(line);
  if (yes) return;
  if (!asks) {
    if (terms.network === 'local') {
      log.info('nobody is asked: there is no terminal, and the chain is a local one');
      return;
    }
    throw new UsageError(
      `there is no terminal to ask on; ${untouched(terms)}`,
      'give --yes where nobody is to be asked',
    );
  }
  if (await askYes(terms.payment ? 'pay and commit?' : 'commit?')) return;
  throw new DeclinedError(`not submitted: ${untouched(terms)}`, 'run it again at any time');
}
