// Posts notices to an address of the validator's own, where one is set: a chat, a pager, a program.
import { messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Notice } from '../pipeline/notices.ts';
import { UsageError } from './errors.ts';

/** Names the address; it may hold a secret, so it is never printed. */
const WEBHOOK_VARIABLE = 'CACHEON_WEBHOOK';

const TIMEOUT_MS = 10_000;
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** The address of an environment; null where none is set. Throws `USAGE` where it is none. */
export function webhookIn(environment: Readonly<Record<string, string | undefined>>): URL | null {
  const text = environment[WEBHOOK_VARIABLE];
  if (text === undefined || text === '') return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  const safe = url?.protocol === 'https:' || LOOPBACK.test(url?.hostname ?? '');
  if (url && safe) return url;
  throw new UsageError(
    `${WEBHOOK_VARIABLE} is no https:// address`,
    'set the whole address that your service shows, or nothing',
  );
}

/**
 * Posts a notice as JSON, which is made only where there is an address. Whatever fails is warned of:
 * a round that is signed stays done.
 */
export async function postNotice(
  url: URL | null,
  make: () => Notice | null | Promise<Notice | null>,
  log: Log,
): Promise<void> {
  if (url === null) return;
  try {
    const notice = await make();
    if (notice === null) return;
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'cacheon' },
      // Chat services show `text` (Slack, Mattermost) or `content` (Discord).
      body: JSON.stringify({ ...notice, content: notice.text }),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (!response.ok) log.warn(`the webhook answers ${response.status}: the notice is lost`);
  } catch (error) {
    log.warn(`no notice could be posted: ${messageOf(error)}; the notice is lost`);
  }
}
