// What usually causes each verdict and what mends it, for the pages and commands that miners read.
import type { Verdict } from './verdicts.ts';

/** Causes and mend of a verdict, and the heading of its rule in `.github/RULES.md`. */
export type VerdictMend = {
  readonly causes: string;
  readonly mend: string;
  readonly rule: string;
};

/** Verdicts that a miner meets. Of the others a validator's operator is told by `doctor`. */
export type MinersVerdict = Extract<Verdict, `E_${string}`>;

/** By verdict (RULES "Table of verdicts"): `check` and `why` print these, MINERS.md lists them. */
export const VERDICT_MENDS: Readonly<Record<MinersVerdict, VerdictMend>> = {
  E_PAYLOAD_DECODE: {
    causes: 'a commitment written by hand: not JSON, too long, a field misspelt',
    mend: 'commit with cacheon submit, which writes the payload',
    rule: 'Payload fields',
  },
  E_AMBIGUOUS: {
    causes: 'another program wrote several fields into one commitment',
    mend: 'commit one payload alone',
    rule: 'Ambiguous reveals',
  },
  E_NO_PREIMAGE: {
    causes: 'a commitment that holds only a hash',
    mend: 'commit the payload itself, sealed or plain: cacheon submit does',
    rule: 'Commitment fields',
  },
  E_REF: {
    causes: 'a malformed name or digest; or the image was deleted or made private',
    mend: 'keep the image public under its digest for as long as it competes',
    rule: 'Reference syntax',
  },
  E_REF_HOST: {
    causes: 'a registry that only your own network can reach, or an address in place of a name',
    mend: 'push to a public registry and commit that name',
    rule: 'Forbidden hosts',
  },
  E_PAYMENT: {
    causes: 'paid by another coldkey, after the commitment, too little, or for another image',
    mend: 'let cacheon submit pay: it pays first, from the hotkey’s own coldkey',
    rule: 'Payment of the fee',
  },
  E_COPY: {
    causes: 'an earlier miner committed the same content, or a public engine was committed bare',
    mend: 'change what the server does, not how it is packed; name a public engine with --base',
    rule: 'Copies: same content',
  },
  E_IMAGE_POLICY: {
    causes: 'another platform, too large, VOLUME, ONBUILD, LD_ or CUDA_ variables, no ENTRYPOINT',
    mend: 'cacheon check IMAGE names the line; mend the Dockerfile and push again',
    rule: 'Configuration',
  },
  E_START_TIMEOUT: {
    causes: 'weights loaded slowly, compilation at every start, a wait for the network, wrong port',
    mend: 'answer GET /health with 200 on port 8000 as soon as prompts are served; ship what can be compiled before',
    rule: 'Start deadline',
  },
  E_EXIT: {
    causes:
      'ENTRYPOINT and CMD fight, `python` where only python3 is there, a write outside /tmp and /cache, a download at start',
    mend: 'run cacheon check IMAGE --run: it shows the last lines that the server printed',
    rule: 'Exit',
  },
  E_OOM: {
    causes:
      'more host memory than the sandbox has, often copies of the weights in /dev/shm or /tmp',
    mend: 'load weights by mmap, and lower what is kept in host memory',
    rule: 'Sandbox limits',
  },
  E_API: {
    causes: 'another path or model name, no logprobs in warm-ups, a request field refused',
    mend: 'serve POST /v1/chat/completions under the arena’s model name, with logprobs, and ignore fields that you do not know',
    rule: 'Status codes',
  },
  E_TIMEOUT: {
    causes: 'CUDA graphs or kernels compiled inside the first request, a stuck scheduler',
    mend: 'warm up before /health answers 200',
    rule: 'Deadlines of a request',
  },
  E_HTTP_PROTO: {
    causes: 'a hand-written HTTP server: wrong lengths, bare line ends, bytes after an answer',
    mend: 'use a well-kept HTTP library',
    rule: 'Status and head',
  },
  E_HTTP_LIMIT: {
    causes: 'headers, lines or events far larger than an answer needs',
    mend: 'send one small event a token',
    rule: 'Limits of an answer',
  },
  E_STREAM: {
    causes: 'the worker died in the middle of an answer, or the stream ended without data: [DONE]',
    mend: 'end every stream with data: [DONE], and look for crashes in the log',
    rule: 'End of an answer',
  },
  E_CONTENT: {
    causes: 'events that are not the API’s JSON, characters cut in two, content after the end',
    mend: 'hold back incomplete characters, and send nothing after finish_reason but [DONE]',
    rule: 'JSON of an event',
  },
  E_GATE: {
    causes:
      'quantised weights or cache, sampling, a repetition penalty from generation_config.json, early ends, a draft accepted too easily',
    mend: 'serve the arena’s weights in its precision, greedily, without the model’s own generation config; cacheon eval shows margins beside limits',
    rule: 'Verdict of the gate',
  },
};

/** The mend of a verdict; null where it is none of a miner's. */
export function mendOf(verdict: string): VerdictMend | null {
  return Object.hasOwn(VERDICT_MENDS, verdict) ? VERDICT_MENDS[verdict as MinersVerdict] : null;
}
