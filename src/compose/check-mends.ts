// Mends by what a fault says: more exact than those of its verdict alone.
import { mendOf } from '../schema/verdict-mends.ts';
import type { Verdict } from '../schema/verdicts.ts';

/** What a fault's sentence says, the mend, and the heading of its rule. */
type DetailMend = readonly [says: RegExp, mend: string, rule: string];

const IMAGE: readonly DetailMend[] = [
  [/no image for|is needed/, 'build with --platform linux/amd64', 'Index'],
  [/declares the volume/, 'drop VOLUME from the Dockerfile, and from its base', 'Configuration'],
  [/ONBUILD/, 'build on an image without ONBUILD', 'Configuration'],
  [/^ENV .* is not the baseline's/, 'set it in your start script', 'Environment variables'],
  [/names no program/, 'add an ENTRYPOINT that needs no arguments', 'Configuration'],
  [/working directory/, 'write WORKDIR as an absolute path', 'Configuration'],
  [/GB compressed/, 'leave the weights out: they are mounted at /models', 'Compressed size'],
  [/GB unpacked/, 'leave weights and caches out', 'Unpacked size'],
  [/files of its own|more than \d+ files/, 'squash or drop files', 'Number of own files'],
  [/layers, \d+ are the most/, 'join RUN and COPY lines, or squash', 'Manifest'],
  [/layers of type|fetched from elsewhere/, 'push plain, gzip or zstd layers', 'Manifest'],
  [/device or a pipe/, 'remove devices and FIFOs from the image', 'Layers: types and bytes'],
  [/which one counts|inside an index/, 'push one image a platform', 'Index'],
  [/as it is: nobody's own/, 'build something of your own on it', 'Bases'],
  [/manifest digest/, 'build your own server', 'Copies: same digest'],
];
const REFERENCE: readonly DetailMend[] = [
  [
    /^digest is not/,
    'pin it as name@sha256: and 64 hex digits, as docker push prints it',
    'Digest form',
  ],
  [
    /path\[:tag\]/,
    'write registry.host/path:tag or registry.host/path@sha256:…, the path in lower case',
    'Reference syntax',
  ],
  [/longer than/, 'use a shorter repository name', 'Reference syntax'],
];
const REGISTRY: readonly DetailMend[] = [
  [
    /answers (?:401|403|404)/,
    'push it, and make the repository public: validators have no password',
    'Gone or failed',
  ],
  [/./, 'try again; validators need a registry that answers', 'Asking a registry'],
];
const SERVER: readonly DetailMend[] = [
  [/no logprobs/, 'answer logprobs and top_logprobs: 5, which warm-ups ask for', 'Warm-up'],
  [/answered 404|404/, 'serve /v1/chat/completions under the arena’s model name', 'Status codes'],
  [/answered 4\d\d|4\d\d/, 'accept the request; ignore unknown fields', 'Status codes'],
  [/refused/, 'listen on port 8000, on every address or loopback', 'Deadlines of a request'],
];
const BY_VERDICT: Readonly<Partial<Record<Verdict, readonly DetailMend[]>>> = {
  E_IMAGE_POLICY: IMAGE,
  E_COPY: IMAGE,
  E_REF: REFERENCE,
  INFRA_REGISTRY: REGISTRY,
  E_API: SERVER,
  E_STREAM: SERVER,
  E_START_TIMEOUT: [
    [
      /in 10 s|refused/,
      'start the server first, and give the address that it listens on',
      'Health',
    ],
  ],
};

/** What mends a fault: by its own words where they are known, else by its verdict. */
export function detailMend(verdict: Verdict, detail: string): { mend: string; rule: string } {
  const known = BY_VERDICT[verdict]?.find(([says]) => says.test(detail));
  if (known) return { mend: known[1], rule: known[2] };
  const { mend, rule } = mendOf(verdict) ?? {
    mend: 'nothing of yours: this machine or its network failed',
    rule: 'Verdict classes',
  };
  return { mend, rule };
}

/** What a server's last words say about why it did not start, with the mend. */
const LAST_WORDS: readonly (readonly [says: RegExp, what: string, mend: string])[] = [
  [
    /name resolution|getaddrinfo|could not resolve|network is unreachable|max retries exceeded|ENOTFOUND|EAI_AGAIN/i,
    'it reaches for the network',
    'nothing leaves the sandbox: read /models, set HF_HUB_OFFLINE=1, bake in what else it needs',
  ],
  [
    /read-only file system|EROFS/i,
    'it writes to the read-only root',
    'write to /tmp or /cache alone (HOME is /tmp)',
  ],
  [
    /permission denied|EACCES|operation not permitted|EPERM/i,
    'uid 10001 may not do that',
    'make files world-readable and programs world-executable; nothing runs as root; /tmp is noexec',
  ],
  [
    /exec format error/i,
    'its program is for another machine, or lacks a #! line',
    'build for linux/amd64, and begin scripts with #!/bin/sh',
  ],
  [
    /no such file or directory|executable file not found|not found/i,
    'its program or a file is not there',
    'call python3, not python; name absolute paths; begin scripts with #!/bin/sh, without Windows line ends',
  ],
  [
    /no space left|ENOSPC/i,
    '/tmp or /cache is full',
    'write less: both are sized by the arena’s sandbox',
  ],
  [
    /unrecognized arguments|unknown (?:option|argument)/i,
    'its program refuses its arguments',
    'the entrypoint runs without arguments: ENTRYPOINT and CMD may fight',
  ],
  [
    /out of memory|CUDA error|no CUDA|NVML/i,
    'it wants a GPU that is not there, or more memory',
    'check on a machine with the arena’s GPUs',
  ],
];

/** What a server's output tells, by its last lines that tell anything. */
export function lastWordsMend(log: string): { what: string; mend: string } | null {
  const found = LAST_WORDS.find(([says]) => says.test(log));
  return found ? { what: found[1], mend: found[2] } : null;
}
