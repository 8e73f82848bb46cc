// The README's pictures, from a real run of the demo: `node scripts/pictures.ts` plays it, draws what the
// terminal showed (80 columns) as SVG, and takes pictures of the page, light and dark.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const root = new URL('..', import.meta.url).pathname;
const out = join(root, '.github/pictures');
const COLUMNS = 80;
const CELL = { width: 8.4, height: 18 };
const COLOURS: Readonly<Record<string, string>> = { 31: '#ff7b72', 32: '#3fb950', 33: '#d29922' };

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

// eslint-disable-next-line no-control-regex -- colours are escape sequences
const COLOUR = /\u001b\[(\d+)m/;

/** A line with its colours as spans of SVG text. */
function spans(line: string): string {
  let [bold, fill] = ['', ''];
  // A split by one group gives texts and the codes between them in turn.
  const parts = line.split(new RegExp(COLOUR, 'g'));
  return parts
    .map((part, i) => {
      if (i % 2 === 0) return part === '' ? '' : `<tspan${bold}${fill}>${escape(part)}</tspan>`;
      if (part === '1') bold = ' font-weight="700"';
      if (part === '22') bold = '';
      if (part === '39') fill = '';
      if (part in COLOURS) fill = ` fill="${COLOURS[part]!}"`;
      return '';
    })
    .join('');
}

/** What a terminal showed, as a picture whose text is text. */
function terminal(title: string, lines: readonly string[]): string {
  const [width, height] = [COLUMNS * CELL.width + 32, lines.length * CELL.height + 56];
  const rows = lines.map(
    (line, i) =>
      `<text x="16" y="${52 + i * CELL.height}" xml:space="preserve">${spans(line)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(title)}" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14" fill="#e6edf3"><rect width="100%" height="100%" rx="8" fill="#0d1117"/><text x="16" y="26" fill="#9da7b1">$ ${escape(title)}</text>
${rows.join('\n')}
</svg>
`;
}

const folder = mkdtempSync(join(tmpdir(), 'pictures-'));
try {
  const demo = join(folder, 'demo');
  const command = `stty cols ${COLUMNS} rows 60; scripts/cacheon demo --processes --out ${demo} 2>/dev/null`;
  const shown = execFileSync('script', ['-qec', command, '/dev/null'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, TERM: 'xterm', NO_COLOR: undefined },
  });
  const lines = shown.replaceAll('\r', '').replaceAll(demo, '/tmp/demo').trimEnd().split('\n');
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'demo.svg'), terminal('scripts/demo.sh', lines));
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  for (const colorScheme of ['light', 'dark'] as const) {
    const tab = await browser.newPage({ viewport: { width: 1100, height: 900 }, colorScheme });
    await tab.goto(pathToFileURL(join(demo, 'site/index.html')).href);
    await tab.screenshot({ path: join(out, `page-${colorScheme}.png`) });
  }
  await browser.close();
  console.log(`pictures of ${new Date().toISOString().slice(0, 10)} are in .github/pictures`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
