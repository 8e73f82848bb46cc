// Client of container registries that refuses redirects to private addresses.
import { lookup } from 'node:dns';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { messageOf } from '../../core/errors.ts';
import { sha256Hex } from '../../core/hash.ts';
import { ImageError, wrongBytes } from '../errors.ts';
import { isPrivateAddress } from './address.ts';
import type { Found } from '../image-store.ts';

/** Redirects of one request: registries keep blobs elsewhere. */
const MAX_REDIRECTS = 3;
/** Largest manifest or configuration: registries allow 4 MiB. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** A registry that says nothing for so long is given up. */
const IDLE_MS = 60_000;
/**
 * The head of an answer (of each redirect too), and a text as a whole, must be there by then,
 * however it drips.
 */
const HEAD_MS = 20_000;
const TEXT_MS = 60_000;
const MANIFESTS = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

type Place = { readonly host: string; readonly path: string };

const failed = (what: string, cause?: unknown): ImageError =>
  new ImageError(
    'REGISTRY',
    'infra',
    what,
    'try again; if it stays, look at the registry and at this machine’s network',
  ).causedBy(cause);

/** A registry that asks for patience says nothing about the image. */
const busy = (path: string): ImageError =>
  new ImageError(
    'REGISTRY_BUSY',
    'infra',
    `the registry answers 429 (too many requests) for ${path}`,
    'try again later, or read through a mirror (CACHEON_MIRROR)',
  );

/** Where a registry's challenge says that a token is to be had; null where it says nothing usable. */
function tokenUrl(challenge: string): URL | null {
  const fields = new Map(
    [...challenge.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!]),
  );
  const realm = fields.get('realm');
  if (!/^bearer /i.test(challenge) || realm === undefined || !URL.canParse(realm)) return null;
  const url = new URL(realm);
  for (const name of ['service', 'scope'])
    if (fields.has(name)) url.searchParams.set(name, fields.get(name)!);
  return url;
}

async function tokenText(response: IncomingMessage, { origin }: URL): Promise<string> {
  let text = '';
  const late = setTimeout(
    () => response.destroy(new Error(`not done within ${TEXT_MS / 1000} s`)),
    TEXT_MS,
  );
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      text += part.toString('utf8');
      if (text.length > MAX_TEXT_BYTES) throw new Error('larger than a manifest may be');
    }
    return text;
  } catch (error) {
    throw failed(`the token of ${origin} broke off: ${messageOf(error)}`, error);
  } finally {
    clearTimeout(late);
  }
}

/** The header that a token's document gives; null where it holds no token. */
function tokenOf(text: string): string | null {
  try {
    const { token, access_token: access } = JSON.parse(text) as {
      token?: unknown;
      access_token?: unknown;
    };
    const value = token ?? access;
    return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? `Bearer ${value}` : null;
  } catch {
    return null;
  }
}

/**
 * Reads images from one repository of a registry. `loopback` allows a registry of this machine,
 * over plain HTTP: for tests.
 */
export class Repository {
  readonly #place: Place;
  readonly #loopback: boolean;
  #token: string | null = null;

  constructor(place: Place, loopback: boolean) {
    // Docker Hub's API stands elsewhere than its name, and single names are in its library.
    const hub = place.host === 'docker.io';
    this.#place = hub
      ? {
          host: 'registry-1.docker.io',
          path: place.path.includes('/') ? place.path : `library/${place.path}`,
        }
      : place;
    this.#loopback = loopback && /^(?:localhost|127(?:\.\d+){3})(?::\d+)?$/.test(place.host);
  }

  /** The text of a manifest or index, checked against its digest. */
  async manifest(digest: string): Promise<Found<string>> {
    return await this.#text(`manifests/${digest}`, digest, { accept: MANIFESTS });
  }

  /**
   * The digest that a tag stands for now. For people who pin one: everything else asks by digest, for
   * tags move.
   */
  async digestOf(tag: string): Promise<Found<string>> {
    const found = await this.#read(`manifests/${tag}`, { accept: MANIFESTS });
    if (found.state === 'gone') return found;
    return { state: 'found', value: `sha256:${sha256Hex(found.value)}` };
  }

  /** A blob as text (a configuration), checked against its digest. */
  async text(digest: string): Promise<Found<string>> {
    return await this.#text(`blobs/${digest}`, digest, {});
  }

  /** A blob as it arrives. The caller checks its digest and its size. */
  async blob(digest: string): Promise<Found<IncomingMessage>> {
    return await this.#get(`blobs/${digest}`, {});
  }

  async #text(
    path: string,
    digest: string,
    headers: Record<string, string>,
  ): Promise<Found<string>> {
    const found = await this.#read(path, headers);
    if (found.state === 'gone') return found;
    if (`sha256:${sha256Hex(found.value)}` !== digest) throw wrongBytes(digest);
    return { state: 'found', value: found.value.toString('utf8') };
  }

  /** The bytes of a text, which may not be large. */
  async #read(path: string, headers: Record<string, string>): Promise<Found<Buffer>> {
    const found = await this.#get(path, headers);
    if (found.state === 'gone') return found;
    const parts: Buffer[] = [];
    let size = 0;
    const late = setTimeout(
      () => found.value.destroy(new Error(`not done within ${TEXT_MS / 1000} s`)),
      TEXT_MS,
    );
    try {
      for await (const part of found.value as AsyncIterable<Buffer>) {
        size += part.length;
        if (size > MAX_TEXT_BYTES) throw failed(`${path} is larger than ${MAX_TEXT_BYTES} bytes`);
        parts.push(part);
      }
    } catch (error) {
      throw error instanceof ImageError
        ? error
        : failed(`${path} broke off: ${messageOf(error)}`, error);
    } finally {
      clearTimeout(late);
    }
    return { state: 'found', value: Buffer.concat(parts) };
  }

  async #get(path: string, headers: Record<string, string>): Promise<Found<IncomingMessage>> {
    const url = new URL(
      `${this.#loopback ? 'http' : 'https'}://${this.#place.host}/v2/${this.#place.path.replace(/:[^/]*$/, '')}/${path}`,
    );
    let response = await this.#fetch(url, {
      ...headers,
      ...(this.#token === null ? {} : { authorization: this.#token }),
    });
    if (response.statusCode === 401) {
      const challenge = response.headers['www-authenticate'];
      response.destroy();
      this.#token = await this.#authorise(challenge);
      if (this.#token !== null)
        response = await this.#fetch(url, { ...headers, authorization: this.#token });
    }
    const status = response.statusCode ?? 0;
    if (status === 200) return { state: 'found', value: response };
    response.destroy();
    // What the rules call gone (RULES "Gone or failed"); anything else may pass.
    if ([401, 403, 404].includes(status))
      return { state: 'gone', detail: `the registry answers ${status} for ${path}` };
    if (status === 429) throw busy(path);
    throw failed(`the registry answers ${status} for ${path}`);
  }

  /** A token for reading what is public, as the registry's challenge says where to get it. */
  async #authorise(challenge: string | undefined): Promise<string | null> {
    const url = tokenUrl(challenge ?? '');
    if (url === null) return null;
    const response = await this.#fetch(url, {});
    const status = response.statusCode ?? 0;
    if (status === 200) return tokenOf(await tokenText(response, url));
    response.destroy();
    if (status !== 401 && status !== 403)
      throw failed(`${url.origin} answers ${status} for a token`);
    return null;
  }

  /**
   * One request, with its redirects; never to an address of this machine or its networks, whatever
   * name leads there.
   */
  async #fetch(from: URL, headers: Record<string, string>): Promise<IncomingMessage> {
    let url = from;
    let send = headers;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#once(url, send);
      const { location } = response.headers;
      if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined)
        return response;
      response.destroy();
      if (redirects === MAX_REDIRECTS)
        throw failed(`${from.href} redirects more than ${MAX_REDIRECTS} times`);
      if (!URL.canParse(location, url.href))
        throw failed(`${url.href} redirects to something that is no address`);
      const next = new URL(location, url.href);
      // The token is for the registry, not for where it keeps its blobs.
      if (next.host !== url.host)
        send = Object.fromEntries(
          Object.entries(send).filter(([name]) => name !== 'authorization'),
        );
      url = next;
    }
  }

  #once(url: URL, headers: Record<string, string>): Promise<IncomingMessage> {
    const name = url.hostname.replace(/^\[|\]$/g, '');
    const own = this.#loopback && url.host === this.#place.host;
    if (!own && url.protocol !== 'https:')
      return Promise.reject(failed(`${url.origin} is not https`));
    if (!own && isIP(name) !== 0)
      return Promise.reject(failed(`${url.origin} is an address, not a name`));
    const guarded: typeof lookup = ((
      host: string,
      options: object,
      callback: (...args: unknown[]) => void,
    ) => {
      lookup(host, { ...options, all: true }, (error, addresses) => {
        if (error) callback(error);
        else if (!own && addresses.some(({ address }) => isPrivateAddress(address)))
          callback(new Error(`${host} leads to an address of a private network`));
        else if ((options as { all?: boolean }).all === true) callback(null, addresses);
        else callback(null, addresses[0]!.address, addresses[0]!.family);
      });
    }) as typeof lookup;
    return new Promise((resolve, reject) => {
      const options = {
        headers: { 'user-agent': 'cacheon', ...headers },
        lookup: guarded,
        timeout: IDLE_MS,
      };
      const sent =
        url.protocol === 'http:'
          ? httpRequest(url, options, resolve)
          : httpsRequest(url, options, resolve);
      sent.on('timeout', () => sent.destroy(new Error(`nothing for ${IDLE_MS / 1000} s`)));
      // An answer that is none (101) settles nothing by itself.
      sent.on('upgrade', (_response, socket) => socket.destroy());
      sent.on('close', () =>
        reject(failed(`${url.origin} closed the connection without an answer`)),
      );
      const late = setTimeout(
        () => sent.destroy(new Error(`no answer within ${HEAD_MS / 1000} s`)),
        HEAD_MS,
      );
      sent.on('close', () => clearTimeout(late));
      sent.on('response', () => clearTimeout(late));
      sent.on('error', (error) => reject(failed(`${url.origin}: ${messageOf(error)}`, error)));
      sent.end();
    });
  }
}
