// Checks of an image's configuration against the rules of the competition.
import { z } from 'zod';
import { messageOf } from '../core/errors.ts';
import { parseStrictJson, RECORD_JSON } from '../core/strict-json.ts';
import { hasAlias, MAX_MANIFEST_BYTES, PLATFORM } from './manifest.ts';

/**
 * Text that an engine passes on as it is: no NUL, which ends it early, and no half of a surrogate
 * pair, which it would replace.
 */
const plain = z
  .string()
  .max(65_536)
  .refine(
    (text) => text.isWellFormed() && !text.includes('\0'),
    'text with NUL or half a character',
  );
const list = z.array(plain).max(1000).nullish();
const configSchema = z.object({
  architecture: z.string(),
  os: z.string(),
  rootfs: z.object({ diff_ids: z.array(z.string().regex(/^sha256:[0-9a-f]{64}$/)).max(1000) }),
  history: z
    .array(z.object({ empty_layer: z.boolean().nullish() }).nullable())
    .max(10_000)
    .nullish(),
  config: z
    .object({
      Env: list,
      Entrypoint: list,
      Cmd: list,
      WorkingDir: plain.nullish(),
      Volumes: z.record(z.string(), z.unknown()).nullish(),
      OnBuild: list,
    })
    .nullish(),
});

/** What an image's configuration says that matters here. */
export type ImageConfig = {
  /** sha256 of each layer's uncompressed tar: survives another compression. */
  readonly diffIds: readonly string[];
  readonly env: readonly string[];
  /** How it is started: an image of the baseline's layers alone is told apart by this. */
  readonly start: {
    readonly entrypoint: readonly string[];
    readonly cmd: readonly string[];
    readonly workingDir: string;
  };
};
export type ConfigResult =
  | { readonly ok: true; readonly config: ImageConfig }
  | {
      readonly ok: false;
      readonly verdict: 'E_IMAGE_POLICY';
      /** The first of the reasons: the verdict's own. */
      readonly reason: string;
      readonly reasons: readonly string[];
    };

const TOP = ['architecture', 'os', 'config', 'rootfs', 'history', 'container_config', 'variant'];
const SETTINGS = [
  'Env',
  'Entrypoint',
  'Cmd',
  'WorkingDir',
  'Volumes',
  'OnBuild',
  'User',
  'Healthcheck',
  'StopSignal',
  'Shell',
  'ExposedPorts',
  'Labels',
];

/**
 * Variables that reach into the loader, the GPU toolkit's hooks (CVE-2025-23266) or the driver
 * before anything of ours runs.
 */
const DANGEROUS = /^(?:LD_|NVIDIA_|CUDA_)/;

type ParsedConfig = z.infer<typeof configSchema>;
/** What a configuration is held against. */
type ConfigContext = {
  /** Layers of the manifest. */
  readonly layers: number;
  /** Variables that may stand as they are; null trusts the image as it is. */
  readonly known: ReadonlySet<string> | null;
};
type ConfigRule = (parsed: ParsedConfig, context: ConfigContext) => string | null;

/** What a configuration may not be, in the order in which it is told. */
const CONFIG_RULES: readonly ConfigRule[] = [
  ({ architecture, os }) =>
    os === PLATFORM.os && architecture === PLATFORM.architecture
      ? null
      : `an image for ${os}/${architecture}, ${PLATFORM.os}/${PLATFORM.architecture} is needed`,
  ({ rootfs }, { layers }) =>
    rootfs.diff_ids.length === layers
      ? null
      : `${layers} layers, but ${rootfs.diff_ids.length} diff-ids`,
  // Engines with a graph driver refuse it, those with containerd do not: the verdict must not
  // depend on that.
  ({ history }, { layers }) =>
    (history ?? []).filter((entry) => entry?.empty_layer !== true).length > layers
      ? `its history has more layers than its ${layers}`
      : null,
  // A declared volume is a writable folder on the host's disk, past the read-only root (C17).
  ({ config }, { known }) => {
    const [volume] = Object.keys(config?.Volumes ?? {});
    return volume !== undefined && known ? `it declares the volume ${volume}` : null;
  },
  ({ config }) => ((config?.OnBuild ?? []).length > 0 ? 'it has ONBUILD triggers' : null),
  ({ config }, { known }) => {
    const override = (config?.Env ?? []).find(
      (entry) => known && DANGEROUS.test(entry) && !known.has(entry) && !/^[^=]*=$/.test(entry),
    );
    return override === undefined ? null : `ENV ${override} is not the baseline's`;
  },
  ({ config }) => {
    const [program = ''] = [...(config?.Entrypoint ?? []), ...(config?.Cmd ?? [])];
    return program === '' ? 'it names no program to start' : null;
  },
  // An engine refuses this too, but only when it starts the container.
  ({ config }) =>
    /^(?:\/|$)/.test(config?.WorkingDir ?? '') ? null : 'its working directory is no absolute path',
  ({ config }) =>
    (config?.Env ?? []).some((entry) => !/^[^=\0]+=/.test(entry))
      ? 'an ENV entry without a name or value'
      : null,
];

/** Whether a member that we read stands there in another spelling, which engines would read too. */
function hasConfigAlias(value: unknown): boolean {
  const { config, rootfs, history } = (value ?? {}) as Record<string, unknown>;
  return (
    hasAlias(value, TOP) ||
    hasAlias(config, SETTINGS) ||
    hasAlias(rootfs, ['type', 'diff_ids']) ||
    (Array.isArray(history) && history.some((entry) => hasAlias(entry, ['empty_layer'])))
  );
}

/** A configuration as far as its form is right, or what is wrong with the form. */
function parseConfig(text: string): { parsed: ParsedConfig } | { reason: string } {
  if (text.length > MAX_MANIFEST_BYTES)
    return { reason: `the configuration is larger than ${MAX_MANIFEST_BYTES} bytes` };
  let value: unknown;
  try {
    value = parseStrictJson(text, RECORD_JSON);
  } catch (error) {
    return { reason: `the configuration is not JSON: ${messageOf(error)}` };
  }
  if (hasConfigAlias(value)) return { reason: 'a member of the configuration in another spelling' };
  const result = configSchema.safeParse(value);
  if (result.success) return { parsed: result.data };
  const { path, message } = result.error.issues[0]!;
  return { reason: `the configuration's ${path.join('.') || 'form'}: ${message}` };
}

/**
 * Reads an image's configuration (RULES "Configuration"). `known` are variables that may stand as
 * they are: the baseline's own, and those that the arena lists; null trusts the image as it is.
 * Never throws: the miner wrote the text.
 */
export function readConfig(
  text: string,
  layers: number,
  known: ReadonlySet<string> | null,
): ConfigResult {
  const refuse = (all: readonly string[]): ConfigResult => {
    const reasons = all.map((reason) => reason.slice(0, 300));
    return { ok: false, verdict: 'E_IMAGE_POLICY', reason: reasons[0]!, reasons };
  };
  const form = parseConfig(text);
  if ('reason' in form) return refuse([form.reason]);
  const reasons = CONFIG_RULES.flatMap((rule) => rule(form.parsed, { layers, known }) ?? []);
  if (reasons.length > 0) return refuse(reasons);
  const { rootfs, config } = form.parsed;
  return {
    ok: true,
    config: {
      diffIds: rootfs.diff_ids,
      env: config?.Env ?? [],
      start: {
        entrypoint: config?.Entrypoint ?? [],
        cmd: config?.Cmd ?? [],
        workingDir: config?.WorkingDir ?? '',
      },
    },
  };
}
