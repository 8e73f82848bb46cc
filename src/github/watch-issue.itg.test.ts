// The watchdog's issue against a stand-in for GitHub's REST interface: opened once, kept up to date, closed.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WatchIssue } from './io/watch-issue.ts';

type Issue = {
  number: number;
  body: string;
  state: string;
  labels: string[];
  pull_request?: object;
};
let server: Server;
let issue: WatchIssue;
let issues: Issue[] = [];
let runs: { created_at: string }[] = [];
let broken = false;
const calls: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (part: Buffer) => (text += part.toString()));
    request.on('end', () => {
      const url = new URL(request.url!, 'http://x');
      calls.push(`${request.method!} ${url.pathname}`);
      const body = text === '' ? {} : (JSON.parse(text) as Partial<Issue>);
      const [status, answer] = broken
        ? [403, { message: 'no right' }]
        : answerTo(request.method!, url, body);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  process.env['GITHUB_API_URL'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.env['GITHUB_REPOSITORY'] = 'someone/cacheon';
  const { WatchIssue: Loaded } = await import('./io/watch-issue.ts');
  issue = new Loaded('token');
});
afterAll(async () => {
  delete process.env['GITHUB_API_URL'];
  delete process.env['GITHUB_REPOSITORY'];
  await new Promise((done) => server.close(done));
});
beforeEach(() => {
  issues = [];
  runs = [];
  broken = false;
  calls.length = 0;
});

function answerTo(
  method: string,
  { pathname, searchParams }: URL,
  body: Partial<Issue>,
): [number, unknown] {
  const path = pathname.replace('/repos/someone/cacheon', '');
  if (path === '/actions/workflows/round.yml/runs') return [200, { workflow_runs: runs }];
  if (path === '/issues' && method === 'GET') {
    const label = searchParams.get('labels')!;
    return [200, issues.filter((item) => item.state === 'open' && item.labels.includes(label))];
  }
  if (path === '/issues' && method === 'POST') {
    issues.push({ number: issues.length + 1, state: 'open', ...body } as Issue);
    return [201, issues.at(-1)];
  }
  const found = issues.find((item) => path === `/issues/${item.number}`);
  if (found && method === 'PATCH') return [200, Object.assign(found, body)];
  return [404, { message: 'no such path' }];
}

describe('the watchdog’s issue', () => {
  it('is opened once, left alone while nothing changes, brought up to date, and closed', async () => {
    expect(await issue.show('one')).toBe('opened');
    expect(await issue.show('one')).toBe('unchanged');
    expect(await issue.show('two')).toBe('updated');
    expect(issues).toMatchObject([{ body: 'two', labels: ['cacheon-watchdog'], state: 'open' }]);
    expect(await issue.show(null)).toBe('closed');
    expect(await issue.show(null)).toBe('none');
    expect(issues).toMatchObject([{ state: 'closed' }]);
    expect(await issue.show('again')).toBe('opened');
    expect(issues).toHaveLength(2);
  });
  it('is never a pull request that somebody gave its label', async () => {
    issues.push({
      number: 1,
      body: 'x',
      state: 'open',
      labels: ['cacheon-watchdog'],
      pull_request: {},
    });
    expect(await issue.show('one')).toBe('opened');
  });
  it('knows when a workflow last began, or that it never did', async () => {
    expect(await issue.lastRunMs('round.yml')).toBeNull();
    runs = [{ created_at: '2026-11-26T12:00:00Z' }];
    expect(await issue.lastRunMs('round.yml')).toBe(Date.parse('2026-11-26T12:00:00Z'));
  });
  it('says what it lacks where GitHub refuses', async () => {
    broken = true;
    await expect(issue.show('one')).rejects.toMatchObject({
      ...{ code: 'WATCH_FAILED', hint: 'the watchdog needs issues: write and actions: read' },
    });
  });
});
