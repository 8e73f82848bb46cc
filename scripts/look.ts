// Opens pages in Chromium, light and dark, at the width of a phone and of a desk: pictures, and what axe
// finds wrong. `node scripts/look.ts PAGE.html OUT-DIR` ends with 1 where axe finds anything serious.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import { chromium } from 'playwright-core';

const WIDTHS = [390, 1280] as const;
const SCHEMES = ['light', 'dark'] as const;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe and the layout say of one page as it stands. */
export type Look = {
  readonly width: number;
  readonly scheme: string;
  /** Faults of axe: rule, impact and how many places. */
  readonly faults: readonly string[];
  /** Pixels by which the page is wider than the window. */
  readonly overflow: number;
  /** The smallest text on the page, in pixels. */
  readonly smallestPx: number;
};

/** Looks at a page, and leaves a picture of each look in `out`. */
export async function lookAt(page: string, out: string | null): Promise<Look[]> {
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  const looks: Look[] = [];
  try {
    for (const width of WIDTHS)
      for (const colorScheme of SCHEMES) {
        const viewport = { width, height: 900 };
        const context = await browser.newContext({ viewport, colorScheme, bypassCSP: true });
        const tab = await context.newPage();
        await tab.goto(pathToFileURL(resolve(page)).href);
        if (out !== null)
          await tab.screenshot({
            path: join(out, `page-${width}-${colorScheme}.png`),
            fullPage: true,
          });
        await tab.evaluate(axe);
        const found = await tab.evaluate<AxeResults>('axe.run(document)');
        const faults = found.violations.map(
          ({ id, impact, nodes }) => `${impact ?? '?'} ${id} (${nodes.length})`,
        );
        const overflow = await tab.evaluate<number>(
          'document.documentElement.scrollWidth - window.innerWidth',
        );
        const smallestPx = await tab.evaluate<number>(
          '[...document.querySelectorAll("body *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())).reduce((least, e) => Math.min(least, parseFloat(getComputedStyle(e).fontSize)), 99)',
        );
        looks.push({ width, scheme: colorScheme, faults, overflow, smallestPx });
        await context.close();
      }
  } finally {
    await browser.close();
  }
  return looks;
}

if (process.argv[1] === import.meta.filename) {
  const [page, out] = process.argv.slice(2);
  if (page === undefined) throw new Error('usage: node scripts/look.ts PAGE.html [OUT-DIR]');
  const looks = await lookAt(page, out ?? null);
  for (const { width, scheme, faults, overflow, smallestPx } of looks)
    console.log(
      `${width} ${scheme}: ${faults.join(', ') || 'axe finds nothing'}; wider by ${overflow} px; smallest text ${smallestPx} px`,
    );
  process.exitCode = looks.some(({ faults, overflow }) => faults.length > 0 || overflow > 0)
    ? 1
    : 0;
}
