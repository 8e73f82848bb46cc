// Tests of the GitHub side: action inputs, workflow permissions, artifacts, summaries.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { ROOT } from '../compose/repository.ts';
import { utf8 } from '../core/bytes.ts';
import { packFiles, readArtifact, unpackFiles } from './artifact-content.ts';
import { gitAuth } from './git-auth.ts';
import { readInputs } from './io/run-action.ts';
import { readLedger, recordsOf } from '../ledger/read.ts';
import { ledgerFixture } from '../testing/ledger-fixture.ts';
import { cell, roundSummary } from './summary.ts';

const verbs = readdirSync(join(ROOT, 'actions'));
type Action = {
  inputs?: Record<string, { required?: boolean; default?: string }>;
  runs: { using: string; main: string };
};
const actionOf = (verb: string): Action =>
  parse(readFileSync(join(ROOT, 'actions', verb, 'action.yml'), 'utf8')) as Action;

describe('every action', () => {
  it.each(verbs)(
    '%s declares the inputs that its schema reads, with the same defaults',
    async (verb) => {
      const { inputs: schema } = (await import(join(ROOT, 'actions', verb, 'inputs.ts'))) as {
        inputs: z.ZodObject;
      };
      const action = actionOf(verb);
      expect(Object.keys(action.inputs ?? {}).sort()).toEqual(Object.keys(schema.shape).sort());
      const given: Record<string, string> = { what: 'plan', block: '7' };
      const required = Object.fromEntries(
        Object.entries(action.inputs ?? {})
          .filter(([, field]) => field.required)
          .map(([name]) => [name, given[name] ?? 'x']),
      );
      const parsed = schema.parse(readInputs(schema, (name) => required[name] ?? ''));
      for (const [name, field] of Object.entries(action.inputs ?? {}))
        if (!field.required && field.default !== '')
          expect(String(parsed[name]), name).toBe(field.default);
    },
  );
  it.each(verbs)('%s runs on Node 24, in at most 60 lines, from its own bundle', (verb) => {
    expect(actionOf(verb).runs).toMatchObject({ using: 'node24', main: 'dist/index.cjs' });
    expect(
      readFileSync(join(ROOT, 'actions', verb, 'main.ts'), 'utf8').split('\n').length,
    ).toBeLessThanOrEqual(61);
    expect(existsSync(join(ROOT, 'actions', verb, 'README.md'))).toBe(true);
  });
});

type Job = {
  permissions?: unknown;
  environment?: string;
  'runs-on'?: unknown;
  'timeout-minutes'?: number;
  steps?: {
    uses?: string;
    run?: string;
    with?: Record<string, unknown>;
    env?: Record<string, string>;
  }[];
};
type Workflow = {
  permissions: unknown;
  concurrency: { 'cancel-in-progress': boolean };
  jobs: Record<string, Job>;
};
const workflows = readdirSync(join(ROOT, '.github/workflows')).map(
  (name) =>
    [name, parse(readFileSync(join(ROOT, '.github/workflows', name), 'utf8')) as Workflow] as const,
);

describe('the workflows', () => {
  it.each(workflows)(
    '%s starts from no permission, cancels nothing, and limits every job',
    (_, workflow) => {
      expect(workflow.permissions).toEqual({});
      expect(workflow.concurrency['cancel-in-progress']).toBe(false);
      for (const job of Object.values(workflow.jobs))
        expect(job['timeout-minutes']).toSatisfy(
          // Of a shard by the plan itself (RULES "Minutes of a plan").
          (limit) =>
            Number(limit) > 0 ||
            /^\$\{\{ fromJSON\(needs\.(?:plan|draw)\.outputs\.minutes\) \}\}$/.test(String(limit)),
        );
    },
  );
  it("I7 give the machine that runs strangers' code no permission and no secret", () => {
    const gpu = workflows
      .flatMap(([, workflow]) => Object.values(workflow.jobs))
      .filter((job) => String(job['runs-on']).includes('self-hosted'));
    expect(gpu).toHaveLength(2);
    for (const job of gpu) {
      expect(job.permissions).toEqual({});
      expect(job.environment).toBeUndefined();
      expect(JSON.stringify(job)).not.toMatch(/secrets\.|github\.token/);
    }
  });
  it('run where a scale set of Kubernetes is asked for by its name, behind the same hooks', () => {
    const text = readFileSync(join(ROOT, 'scripts/arc-values.yaml'), 'utf8');
    const values = parse(text) as {
      maxRunners: number;
      template: { spec: { containers: { env: { name: string; value: string }[] }[] } };
    };
    expect(values.maxRunners).toBe(1);
    for (const { name, value } of values.template.spec.containers[0]!.env)
      if (name.includes('HOOK'))
        expect(existsSync(value.replace('/opt/cacheon', ROOT)), value).toBe(true);
    expect(text).toContain('to "cacheon-gpu", quotes');
  });
  it('hand the hotkey only to jobs in the environment validator, on hosted machines', () => {
    for (const [, workflow] of workflows) {
      for (const job of Object.values(workflow.jobs)) {
        if (!JSON.stringify(job).includes('secrets.')) continue;
        expect(job.environment).toBe('validator');
        expect(job['runs-on']).toBe('ubuntu-24.04');
      }
    }
  });
  it('keep no credentials in a checkout, pin every remote action by commit, and script nothing', () => {
    for (const step of workflows
      .flatMap(([, workflow]) => Object.values(workflow.jobs))
      .flatMap((job) => job.steps ?? [])) {
      if (step.uses?.startsWith('actions/checkout'))
        expect(step.with?.['persist-credentials']).toBe(false);
      if (step.uses !== undefined && !step.uses.startsWith('./'))
        expect(step.uses).toMatch(/@[0-9a-f]{40}$/);
      if (step.run !== undefined) expect(step.run).not.toMatch(/\$\{\{|\n./);
    }
  });
  it('run their cron off the hour', () => {
    const texts = workflows
      .map(([name]) => readFileSync(join(ROOT, '.github/workflows', name), 'utf8'))
      .join('\n');
    const minutes = [...texts.matchAll(/cron: '([\d,]+) /g)].flatMap(([, list]) =>
      list!.split(',').map(Number),
    );
    expect(minutes.length).toBeGreaterThan(3);
    for (const minute of minutes) expect([0, 15, 30, 45]).not.toContain(minute);
  });
});

describe('what jobs hand over', () => {
  const path = 'traces/0/1/baseline.2.ndjson.gz';
  it('F06 comes back as it was, and nothing but whole traces gets in', () => {
    const files = new Map([[path, Uint8Array.of(1, 2, 255)]]);
    expect(unpackFiles('t', utf8(packFiles(files)))).toEqual(files);
    for (const bad of [
      '../../etc/passwd',
      'traces/0/1/../x.ndjson.gz',
      '/traces/0/1/a.ndjson.gz',
      'plan.json',
    ])
      expect(() => unpackFiles('t', utf8(JSON.stringify({ [bad]: '' })))).toThrow(/cannot be used/);
    expect(() => readArtifact('t', Uint8Array.of(0xff), z.unknown())).toThrow(/cannot be used/);
    const cut = packFiles(files).slice(0, -3);
    expect(() => unpackFiles('t', utf8(cut))).toThrow(/cannot be used/);
  });
  it('H43 cannot act as markup, a mention or a workflow command', () => {
    expect(cell('<img src=x>|::add-mask::@all `x`\n[a](b)')).not.toMatch(/[<>|`[\]@]|::|\n/);
  });
  it('gives git its token by environment only', () => {
    expect(gitAuth('https://github.com', undefined)).toEqual({});
    expect(Object.keys(gitAuth('https://github.com', 't'))).toEqual([
      'GIT_CONFIG_COUNT',
      'GIT_CONFIG_KEY_0',
      'GIT_CONFIG_VALUE_0',
    ]);
  });
});

describe('the summary of a round', () => {
  it('draws the scores as a chart from text, above its table', async () => {
    const { validator, files } = await ledgerFixture();
    const [round] = recordsOf(readLedger(validator, files), 'round');
    const text = roundSummary(100, round!.predicate);
    expect(text).toMatch(/```mermaid\nxychart-beta\n/);
    expect(text).toMatch(/ {2}x-axis \["\w{1,8}"(?:, "\w{1,8}")*\]\n/);
    expect(text).toMatch(/ {2}bar \[[\d., ]+\]\n```\n\n\| submission/);
    const none = round!.predicate.entries.map((entry) => ({ ...entry, score: 0 }));
    expect(roundSummary(100, { ...round!.predicate, entries: none })).not.toContain('mermaid');
  });
});
