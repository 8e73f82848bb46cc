// A tiny engine as the program of an image: its variant is in /variant, the model where MODEL_PATH
// says, its port in PORT.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { startEngine } from './engine-server.ts';

const variant = readFileSync('/variant', 'utf8').trim();
const models = process.env['MODEL_PATH'];
void startEngine({
  variant,
  port: Number(process.env['PORT'] ?? 8000),
  ...(models === undefined ? {} : { model: pathToFileURL(`${models}/`) }),
}).then(({ url }) => console.log(`tiny engine ${variant} at ${url}`));
