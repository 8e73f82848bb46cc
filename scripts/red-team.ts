// Measures every engine, honest and cheating, and writes the table of src/devnet/README.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { playRedTeam, redTeamTable } from '../src/devnet/red-team.ts';
import { stderrLog } from '../src/compose/stderr-log.ts';

const START = '<!-- red team: written by npm run red-team -->';
const END = '<!-- end of red team -->';
const file = new URL('../src/devnet/README.md', import.meta.url).pathname;
const text = readFileSync(file, 'utf8');
const [from, to] = [text.indexOf(START), text.indexOf(END)];
if (from < 0 || to < 0) throw new Error(`${file} has no place for the table`);
const table = redTeamTable(await playRedTeam(stderrLog('usual')));
const whole = `${text.slice(0, from)}${START}\n\n${table}\n\n${text.slice(to)}`;
writeFileSync(file, await format(whole, { parser: 'markdown' }));
