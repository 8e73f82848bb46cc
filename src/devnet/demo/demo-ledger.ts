// A new git repository for the demo's ledger: a bare origin and a checkout of it.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Makes both in a folder, and gives the checkout's path. */
export function newLedger(folder: string): string {
  const origin = join(folder, 'ledger.git');
  const checkout = join(folder, 'ledger');
  const git = (...args: string[]): void =>
    void execFileSync('git', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  git('init', '--quiet', '--bare', '-b', 'main', origin);
  git('clone', '--quiet', origin, checkout);
  writeFileSync(join(checkout, '.gitattributes'), 'results/** -text\n');
  git('-C', checkout, 'checkout', '--quiet', '-B', 'main');
  git('-C', checkout, 'add', '.gitattributes');
  git(
    '-C',
    checkout,
    '-c',
    'user.name=cacheon',
    '-c',
    'user.email=validator@users.noreply.github.com',
    'commit',
    '--quiet',
    '-m',
    'Keep records byte-exact',
  );
  git('-C', checkout, 'push', '--quiet', 'origin', 'HEAD:main');
  return checkout;
}
