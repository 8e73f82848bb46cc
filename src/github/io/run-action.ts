// Runs a GitHub action: masks secrets, checks inputs, reports every error as a readable failure.
import { appendFileSync } from 'node:fs';
import * as core from '@actions/core';
import { z } from 'zod';
import { CacheonError, messageOf } from '../../core/errors.ts';
import { pacedLines } from '../../core/log.ts';
import { gitAuth } from '../git-auth.ts';
import type { ActionContext } from '../run.ts';

/** Secrets that must never reach a log, by the environment variable that holds them. */
const SECRETS = ['CACHEON_HOTKEY', 'CACHEON_WEBHOOK'];

/** Job summaries are cut by the service at 1 MiB. */
const MAX_SUMMARY = 1_000_000;

/** Writes a few bytes into the step's summary now; the service shows it when the step ends. */
function appendSummary(markdown: string): void {
  const file = process.env['GITHUB_STEP_SUMMARY'];
  if (file !== undefined && file !== '') appendFileSync(file, markdown);
}

/**
 * Everything secret in a variable: its text, and where that is a keyfile, each text inside it, for
 * a log may show one alone.
 */
function secretsIn(text: string | undefined): string[] {
  if (text === undefined || text === '') return [];
  try {
    const keyfile: unknown = JSON.parse(text);
    const fields = typeof keyfile === 'object' && keyfile !== null ? Object.entries(keyfile) : [];
    const hidden = fields.filter(
      ([name, value]) => /secret|private/i.test(name) && typeof value === 'string' && value !== '',
    );
    return [text, ...hidden.map(([, value]) => value as string)];
  } catch {
    return [text];
  }
}

/**
 * Inputs of an action by the names of its schema; a missing one arrives as an empty text and
 * becomes undefined, so that defaults apply.
 */
export function readInputs(schema: z.ZodObject, get: (name: string) => string): unknown {
  return Object.fromEntries(
    Object.keys(schema.shape).map((name) => [name, get(name) === '' ? undefined : get(name)]),
  );
}

/**
 * Runs one action: masks secrets, reads the inputs through their strict schema, and turns every
 * error into one failure line with what to do. As much as possible happens inside the try: an
 * action never ends in a raw stack trace.
 */
async function runAction<S extends z.ZodObject>(
  name: string,
  schema: S,
  work: (context: ActionContext<z.infer<S>>) => Promise<void>,
): Promise<void> {
  const summary: string[] = [];
  try {
    for (const variable of SECRETS)
      for (const secret of secretsIn(process.env[variable])) core.setSecret(secret);
    const parsed = schema.safeParse(readInputs(schema, (input) => core.getInput(input)));
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      core.setFailed(`${name}: input ${issue.path.join('.')}: ${issue.message}`);
      return;
    }
    await work({
      input: parsed.data,
      log: {
        info: (text) => core.info(text),
        warn: (text) => core.warning(text),
        progress: pacedLines(
          (text) => core.info(text),
          () => Date.now(),
        ),
      },
      output: (key, value) => core.setOutput(key, value),
      summary: (markdown) => void summary.push(markdown),
      progress: appendSummary,
    });
  } catch (error) {
    const known = error instanceof CacheonError ? error : null;
    const title = known ? `${name}: ${known.code}` : `${name}: a defect`;
    const mend = known ? `; ${known.hint}` : '; please report it with this run';
    core.error(`${messageOf(error)}${mend}`, { title });
    process.exitCode = core.ExitCode.Failure;
    for (
      let cause = error instanceof Error ? error.cause : undefined;
      cause instanceof Error;
      cause = cause.cause
    )
      core.info(`caused by: ${cause.message}`);
    if (!known && error instanceof Error) core.debug(error.stack ?? '');
  } finally {
    if (summary.length > 0 && process.env['GITHUB_STEP_SUMMARY'])
      await core.summary.addRaw(summary.join('\n').slice(0, MAX_SUMMARY)).write();
  }
}

/** Environment that lets git use a job's token at the server of this run. */
export function jobAuth(token: string | undefined): Record<string, string> {
  return gitAuth(process.env['GITHUB_SERVER_URL'] ?? 'https://github.com', token);
}

/** Which attempt of its run this job belongs to, from 1. */
export function runAttempt(): number {
  const attempt = Number(process.env['GITHUB_RUN_ATTEMPT'] ?? '1');
  return Number.isSafeInteger(attempt) && attempt >= 1 ? attempt : 1;
}

/** What a record says of the machine of a job that measures nothing. */
export function runnerHost(): Record<string, unknown> {
  return { runner: process.env['RUNNER_OS'] ?? process.platform };
}

/**
 * Runs an action and ends the process: libraries keep sockets open that would hold the step for
 * minutes.
 */
export async function startAction<S extends z.ZodObject>(
  name: string,
  schema: S,
  work: (context: ActionContext<z.infer<S>>) => Promise<void>,
): Promise<void> {
  await runAction(name, schema, work);
  process.exit();
}
