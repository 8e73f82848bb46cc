// GitHub action that opens one issue where the validator needs a look, and closes it again.
import { join } from 'node:path';
import { openEndpoints } from '../../src/chain/io/networks.ts';
import { readArena } from '../../src/compose/repository.ts';
import { jobAuth, startAction } from '../../src/github/io/run-action.ts';
import { WatchIssue } from '../../src/github/io/watch-issue.ts';
import { gitStore } from '../../src/ledger/io/git-store.ts';
import { openStored } from '../../src/ledger/open.ts';
import { alarmsOf, alarmText } from '../../src/pipeline/watch/watch.ts';
import { inputs } from './inputs.ts';

void startAction('watchdog', inputs, async ({ input, log, output, summary }) => {
  const root = process.cwd();
  const { branch, token, validator, workflow } = input;
  const arena = readArena(join(root, input.arena));
  const store = gitStore({ folder: root, remote: 'origin', branch, env: jobAuth(token) });
  const ledger = await openStored(store, validator);
  const chain = await openEndpoints(input.endpoint, arena, log, 'if-any');
  const { head, lastUpdate } = await chain.subnet(arena.netuid, validator);
  const github = new WatchIssue(token);
  const lastTickMs = await github.lastRunMs(workflow);
  const now = { block: head.number, nowMs: Date.now(), lastTickMs, lastUpdate };
  const alarms = [...alarmsOf(ledger, now)];
  const text = alarms.length === 0 ? null : alarmText(alarms);
  const issue = await github.show(text);
  output('alarms', String(alarms.length));
  output('issue', issue);
  for (const alarm of alarms) log.warn(`${alarm.code}: ${alarm.text}; ${alarm.mend}`);
  summary(`### Watchdog\n\n${text ?? 'All is well.'}\n\nThe issue: ${issue}.\n`);
});
