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
  | { readonly ok: false; readonly verdict: 'E_IMAGE_POLICY'; readonly reason: string };

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

/**
 * Reads an image's configuration (RULES "Configuration"). `known` are variables that
 * may stand as they are: the baseline's own, and those that the arena lists; null trusts the image
 * as it is. Never throws: the miner wrote the text.
 */
export function readConfig(
  text: string,
  layers: number,
  known: ReadonlySet<string> | null,
): ConfigResult {
  const refuse = (reason: string): ConfigResult => ({
    ok: false,
    verdict: 'E_IMAGE_POLICY',
    reason,
  });
  if (text.length > MAX_MANIFEST_BYTES)
    return refuse(`the configuration is larger than ${MAX_MANIFEST_BYTES} bytes`);
  let value: unknown;
  try {
    value = parseStrictJson(text, RECORD_JSON);
  } catch (error) {
    return refuse(`the configuration is not JSON: ${messageOf(error)}`.slice(0, 300));
  }
  const {
    config: settings,
    rootfs: roots,
    history: past,
  } = (value ?? {}) as Record<string, unknown>;
  const aliases =
    hasAlias(value, TOP) ||
    hasAlias(settings, SETTINGS) ||
    hasAlias(roots, ['type', 'diff_ids']) ||
    (Array.isArray(past) && past.some((entry) => hasAlias(entry, ['empty_layer'])));
  if (aliases) return refuse('a member of the configuration in another spelling');
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return refuse(
      `the configuration's ${issue.path.join('.') || 'form'}: ${issue.message}`.slice(0, 300),
    );
  }
  const { architecture, os, rootfs, history, config } = parsed.data;
  if (os !== PLATFORM.os || architecture !== PLATFORM.architecture)
    return refuse(
      `an image for ${os}/${architecture}, ${PLATFORM.os}/${PLATFORM.architecture} is needed`.slice(
        0,
        300,
      ),
    );
  if (rootfs.diff_ids.length !== layers)
    return refuse(`${layers} layers, but ${rootfs.diff_ids.length} diff-ids`);
  // Engines with a graph driver refuse it, those with containerd do not: the verdict must not
  // depend on that.
  if ((history ?? []).filter((entry) => entry?.empty_layer !== true).length > layers)
    return refuse(`its history has more layers than its ${layers}`);
  // A declared volume is a writable folder on the host's disk, past the read-only root (C17).
  const volumes = Object.keys(config?.Volumes ?? {});
  if (volumes.length > 0 && known)
    return refuse(`it declares the volume ${volumes[0]}`.slice(0, 300));
  if ((config?.OnBuild ?? []).length > 0) return refuse('it has ONBUILD triggers');
  const env = config?.Env ?? [];
  const override = env.find(
    (entry) => known && DANGEROUS.test(entry) && !known.has(entry) && !/^[^=]*=$/.test(entry),
  );
  if (override !== undefined) return refuse(`ENV ${override} is not the baseline's`.slice(0, 300));
  const entrypoint = config?.Entrypoint ?? [];
  const cmd = config?.Cmd ?? [];
  const [program = ''] = [...entrypoint, ...cmd];
  if (program === '') return refuse('it names no program to start');
  // An engine refuses this too, but only when it starts the container.
  if (!/^(?:\/|$)/.test(config?.WorkingDir ?? ''))
    return refuse('its working directory is no absolute path');
  if (env.some((entry) => !/^[^=\0]+=/.test(entry)))
    return refuse('an ENV entry without a name or value');
  return {
    ok: true,
    config: {
      diffIds: rootfs.diff_ids,
      env,
      start: { entrypoint, cmd, workingDir: config?.WorkingDir ?? '' },
    },
  };
}
