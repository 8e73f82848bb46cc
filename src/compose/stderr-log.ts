// The log of command-line programs, written to stderr so that stdout holds results only.
import { styleText } from 'node:util';
import { type Log, pacedLines, type Progress } from '../core/log.ts';
import { wrappedText } from '../core/wrap-text.ts';

/** How much a person wants to read: warnings alone, the usual, or every line with its time. */
export type Loudness = 'quiet' | 'usual' | 'verbose';
/** The terminal's side of a log. */
type Screen = Pick<NodeJS.WriteStream, 'write'> & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

const BAR_CELLS = 20;
const CLEAR = '\r\u001b[2K';

/** Seconds as people read them. */
function secondsText(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  return seconds < 6000 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** A bar with its rate and the time that is left, from what `done` of `total` took so far. */
export function barText({ what, done, total }: Progress, tookMs: number, columns: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const full = Math.round(share * BAR_CELLS);
  const bar = `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}`;
  const rate = (done / Math.max(1, tookMs)) * 1000;
  const known = done > 0 && tookMs > 500;
  const left = known
    ? `, ${rate.toPrecision(2)}/s, ${secondsText((total - done) / rate)} left`
    : '';
  return `  ${bar} ${done}/${total} ${what}${left}`.slice(0, Math.max(20, columns - 1));
}

/** People's text on a stream: whole lines, and below them at most one bar that moves. */
class ScreenLog implements Log {
  readonly #screen: Screen;
  readonly #loudness: Loudness;
  readonly #begunMs = Date.now();
  readonly #pace = pacedLines(
    (text) => this.#line(text),
    () => Date.now(),
  );
  #bar: { readonly what: string; readonly begunMs: number } | null = null;

  constructor(screen: Screen, loudness: Loudness) {
    this.#screen = screen;
    this.#loudness = loudness;
  }

  info(text: string): void {
    if (this.#loudness !== 'quiet') this.#line(text);
  }

  warn(text: string): void {
    const tty = this.#screen.isTTY === true;
    const mark = tty ? styleText('yellow', 'warning:', { stream: process.stderr }) : 'warning:';
    this.#line(`${mark} ${text}`);
  }

  progress(step: Progress): void {
    if (this.#loudness === 'quiet') return;
    if (this.#screen.isTTY !== true) {
      this.#pace(step);
      return;
    }
    if (this.#bar?.what !== step.what) this.#bar = { what: step.what, begunMs: Date.now() };
    const took = Date.now() - this.#bar.begunMs;
    this.#screen.write(CLEAR + barText(step, took, this.#screen.columns ?? 80));
    if (step.done < step.total) return;
    this.#screen.write(CLEAR);
    this.#bar = null;
  }

  #line(text: string): void {
    const seconds = ((Date.now() - this.#begunMs) / 1000).toFixed(1).padStart(7);
    const time = this.#loudness === 'verbose' ? `${seconds} s  ` : '';
    // A pipe gets whole lines, so that grep finds them.
    const width = this.#screen.isTTY === true ? (this.#screen.columns ?? 80) : Infinity;
    const lines = text.split('\n').flatMap((line) => wrappedText(time + line, width));
    this.#screen.write(`${this.#bar ? CLEAR : ''}${lines.join('\n')}\n`);
  }
}

/** A log on stderr: stdout belongs to results. */
export function stderrLog(loudness: Loudness, screen: Screen = process.stderr): Log {
  return new ScreenLog(screen, loudness);
}
