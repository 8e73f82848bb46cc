// Reads what an option names: a running server, or an image.
import { UsageError } from '../compose/errors.ts';
import type { EngineTarget } from '../measure/engine.ts';
import { parseImageRef } from '../schema/image-ref.ts';

/** Reads what an option names: a running server by URL, or an image pinned by digest. */
export function targetOf(text: string, option: string): EngineTarget {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) {
    if (text.startsWith('https'))
      throw new UsageError(
        `--${option} ${text}: the measuring client speaks plain HTTP`,
        'give an http:// URL',
      );
    return { kind: 'url', url: text.replace(/\/+$/, '') };
  }
  const ref = parseImageRef(text);
  if (ref) return { kind: 'image', ...ref };
  if (/^[^@\s]+@/.test(text))
    throw new UsageError(
      `--${option} ${text}: the digest is not sha256: and 64 lower-case hex digits`,
      'pin the image as name@sha256:…',
    );
  throw new UsageError(
    `--${option} ${text} is neither an http:// URL nor image@sha256:…`,
    'give, say, http://127.0.0.1:8000',
  );
}
