// Notices to a server on loopback: what it gets, and what becomes of one that misbehaves.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../core/log.ts';
import { failureNotice } from '../pipeline/notices.ts';
import { postNotice, webhookIn } from './webhook.ts';

const notice = failureNotice('5Validator', 'the chain does not answer');
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A service that answers with a status; what was posted to it. */
async function service(status: number): Promise<{ url: string; posted: unknown[] }> {
  const posted: unknown[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (part: Buffer) => (text += part.toString()));
    request.on('end', () => {
      posted.push(JSON.parse(text));
      response.writeHead(status, status === 302 ? { location: '/again' } : {}).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/secret`, posted };
}

async function post(url: string): Promise<string[]> {
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
  await postNotice(webhookIn({ CACHEON_WEBHOOK: url }), () => notice, log);
  return warnings;
}

describe('the webhook', () => {
  it('gets the notice as JSON, with the words that chats show', async () => {
    const { url, posted } = await service(204);
    expect(await post(url)).toEqual([]);
    expect(posted).toEqual([{ ...notice, content: notice.text }]);
  });
  it.each([500, 302])('is warned of where it answers %i, and nothing is thrown', async (status) => {
    const { url, posted } = await service(status);
    const [warning, ...more] = await post(url);
    expect([posted.length, more.length]).toEqual([1, 0]);
    expect(warning).toContain('the notice is lost');
    expect(warning).not.toContain('secret');
  });
  it('is warned of where nobody listens', async () => {
    expect((await post('http://127.0.0.1:1/hook'))[0]).toContain('no notice could be posted');
  });
  it('is not asked where none is set, and must be https elsewhere than here', async () => {
    expect([webhookIn({}), webhookIn({ CACHEON_WEBHOOK: '' })]).toEqual([null, null]);
    await postNotice(null, () => Promise.reject(new Error('made for nobody')), silentLog);
    for (const wrong of ['http://example.com/x', 'hooks', 'ftp://127.0.0.1.example.com'])
      expect(() => webhookIn({ CACHEON_WEBHOOK: wrong })).toThrow('no https');
    expect(webhookIn({ CACHEON_WEBHOOK: 'https://example.com/x' })?.hostname).toBe('example.com');
  });
});
