// Paths of evidence files in a ledger: traces, logs, prompts, and what is known of images.
const AT = String.raw`\d{1,3}/\d{1,2}/[A-Za-z0-9]{1,60}(?:-\d{1,10})?(?:\.\d)?`;
const IMAGE = String.raw`images/\d{1,3}/(?<hotkey>[A-Za-z0-9]{1,60})-(?<commit>\d{1,10})`;
const DOCUMENT = String.raw`manifests/\d{1,3}/[0-9a-f]{64}`;
const PROMPTS = String.raw`prompts/\d{1,3}/\d{1,2}`;
const ANY = String.raw`(?:traces/${AT}\.ndjson|logs/${AT}\.log|${PROMPTS}\.ndjson|(?:${IMAGE}|${DOCUMENT})\.json)\.gz`;

/**
 * Paths under a round for the files that a measuring machine kept: traces and logs by shard, boot
 * and arm, fingerprints of images by shard and key, their documents by digest (RULES "Evidence
 * paths"). Readers refuse any
 * other path, wherever it comes from: that machine runs miners' code.
 */
export const EVIDENCE_PATH = new RegExp(`^${ANY}$`);

/**
 * The same under a validator's folder: its groups are the round's block and, of an image's
 * fingerprint, the hotkey and the commit block of its entry.
 */
export const LEDGER_EVIDENCE_PATH = new RegExp(String.raw`^rounds/(?<block>0|[1-9]\d*)/${ANY}$`);

/** The folder that a record lies in, slash at its end: of a plan that of its round. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/**
 * Evidence that decides nothing once its round is signed: what was measured, under a validator's
 * folder. Fingerprints of images are compared with in later rounds.
 */
export const MEASURED_EVIDENCE = /^rounds\/\d+\/(?:traces|logs|prompts|manifests)\//;

/** Folders of a round that hold evidence. */
export const EVIDENCE_FOLDERS = /^(?:traces|logs|prompts|images|manifests)\//;

/**
 * Path of a trace under its round:
 * `traces/<shard>/<boot>/<baseline|hotkey-commitBlock>[.<run>].ndjson.gz`.
 */
export function tracePath(shard: number, boot: number, name: string, run: number): string {
  return `traces/${shard}/${boot}/${name.replace(':', '-')}${run === 1 ? '' : `.${run}`}.ndjson.gz`;
}

/** Which run of which arm a trace is of, by its path. */
export type TracePlace = {
  readonly shard: number;
  readonly boot: number;
  readonly name: string;
  readonly run: number;
};

const TRACE =
  /^traces\/(?<shard>\d+)\/(?<boot>\d+)\/(?<name>[A-Za-z0-9]+(?:-\d+)?)(?:\.(?<run>\d))?\.ndjson\.gz$/;

/** What {@link tracePath} made a path of; null where it made no such path. */
export function tracePlace(path: string): TracePlace | null {
  const groups = TRACE.exec(path)?.groups;
  if (!groups) return null;
  const { shard, boot, name, run } = groups;
  return {
    ...{ shard: Number(shard), boot: Number(boot), run: Number(run ?? 1) },
    name: name!.replace('-', ':'),
  };
}

/** Path of what a server printed: `logs/<shard>/<boot>/<name>[.<run>].log.gz`. */
export function logPath(shard: number, boot: number, name: string, run: number): string {
  return tracePath(shard, boot, name, run)
    .replace(/^traces/, 'logs')
    .replace(/ndjson\.gz$/, 'log.gz');
}

/** Path of the requests' bodies of a boot: `prompts/<shard>/<boot>.ndjson.gz`. */
export function promptsPath(shard: number, boot: number): string {
  return `prompts/${shard}/${boot}.ndjson.gz`;
}

/**
 * Path of an image's fingerprint under its round: as the machine of this shard saw and compared it.
 */
export function fingerprintPath(shard: number, key: string): string {
  return `images/${shard}/${key.replace(':', '-')}.json.gz`;
}

/**
 * Path of an image's manifest, index or configuration under its round, by its `sha256:…` digest:
 * `manifests/<shard>/<64 hex digits>.json.gz`.
 */
export function documentPath(shard: number, digest: string): string {
  return `manifests/${shard}/${digest.slice('sha256:'.length)}.json.gz`;
}
