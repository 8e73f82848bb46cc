// Finds the Bittensor wallet named by a command's options, and asks for its password.
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { DeclinedError } from '../compose/errors.ts';
import { openWallet, type Wallet, type WalletOptions } from '../chain/io/wallet.ts';
import type { Invocation } from './command.ts';
import { optional, required } from './options.ts';

/** The wallet that --wallet-path, --wallet-name and --wallet-hotkey name. */
export function walletOf(invocation: Invocation): Wallet {
  return openWallet(
    optional(invocation, 'wallet-path'),
    required(invocation, 'wallet-name'),
    optional(invocation, 'wallet-hotkey'),
  );
}

/** Asks on the terminal without showing what is typed; null where there is no terminal. */
function askHidden(file: string): Promise<string | null> {
  if (!process.stdin.isTTY) return Promise.resolve(null);
  process.stderr.write(`password of ${file}: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve, reject) => {
    let given: string | null = null;
    // Ctrl-C and Ctrl-D close it without an answer.
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => {
      process.stderr.write('\n');
      if (given !== null) resolve(given);
      else
        reject(
          new DeclinedError(
            'no password was given: nothing was signed or sent since',
            'run the same line again at any time: it goes on where it was',
          ),
        );
    });
    lines.question('', (answer) => {
      given = answer;
      lines.close();
    });
  });
}

/** How this process opens encrypted keyfiles: by its environment, else by asking. */
export function walletOptions({ log }: Pick<Invocation, 'log'>): WalletOptions {
  return { environment: process.env, ask: askHidden, progress: (text) => log.info(text) };
}
