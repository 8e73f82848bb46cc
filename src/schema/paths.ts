// Paths of evidence files in a ledger: traces, logs and image fingerprints.
const AT = String.raw`\d{1,3}/\d{1,2}/[A-Za-z0-9]{1,60}(?:-\d{1,10})?(?:\.\d)?`;
const IMAGE = String.raw`images/\d{1,3}/(?<hotkey>[A-Za-z0-9]{1,60})-(?<commit>\d{1,10})`;
const ANY = String.raw`(?:traces/${AT}\.ndjson|logs/${AT}\.log|${IMAGE}\.json)\.gz`;

/**
 * Where what a measuring machine kept may stand under its round: traces and logs by shard, boot and
 * arm, what images are made of by shard and key (DESIGN section 5). Anything else is refused
 * wherever it comes from: that machine runs strangers' code.
 */
export const EVIDENCE_PATH = new RegExp(`^${ANY}$`);

/**
 * The same under a validator's folder: its groups are the round's block and, of an image's
 * fingerprint, who entered it and when.
 */
export const LEDGER_EVIDENCE_PATH = new RegExp(String.raw`^rounds/(?<block>0|[1-9]\d*)/${ANY}$`);

/**
 * Path of a trace under its round:
 * `traces/<shard>/<boot>/<baseline|hotkey-commitBlock>[.<run>].ndjson.gz`.
 */
export function tracePath(shard: number, boot: number, name: string, run: number): string {
  return `traces/${shard}/${boot}/${name.replace(':', '-')}${run === 1 ? '' : `.${run}`}.ndjson.gz`;
}

/** Path of what a server printed: `logs/<shard>/<boot>/<name>[.<run>].log.gz`. */
export function logPath(shard: number, boot: number, name: string, run: number): string {
  return tracePath(shard, boot, name, run)
    .replace(/^traces/, 'logs')
    .replace(/ndjson\.gz$/, 'log.gz');
}

/**
 * Path of an image's fingerprint under its round: what the machine of this shard saw, and compared
 * with.
 */
export function fingerprintPath(shard: number, key: string): string {
  return `images/${shard}/${key.replace(':', '-')}.json.gz`;
}
