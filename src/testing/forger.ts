// A dishonest validator: edits its ledger as it likes, then numbers, links and signs everything again.
import { concatBytes, fromHex, toHex, utf8 } from '../core/bytes.ts';
import { compact } from '../chain/scale.ts';
import { renderJson } from '../core/canonical.ts';
import { blake2b256, sha256Hex } from '../core/hash.ts';
import { decodeSs58 } from '../core/ss58.ts';
import { type LedgerFiles, readLedger } from '../ledger/read.ts';
import { signatureFile, type Signer } from '../ledger/sign.ts';
import type { Predicate } from '../schema/records.ts';
import { folderOf } from '../schema/paths.ts';
import { anchorCall } from '../pipeline/anchor/anchor-text.ts';

/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-argument -- a forger edits records as plain JSON */
/** A record as its forger edits it: its place, and its JSON. */
export type Forged = { path: string; subject: any; predicateType: string; predicate: any };
/** A ledger under the forger's hands: records in their order, and evidence by path. */
export type Workbench = { records: Forged[]; evidence: Map<string, Uint8Array> };

/** The transaction of an anchor as the forger has sent it: for whatever record it names now. */
function resend(predicate: Predicate<'anchor'>, validator: string): void {
  const { anchor, network } = predicate;
  const call = anchorCall(network.netuid & 0xffff, anchor.record);
  const key = decodeSs58(validator)!;
  const signed = concatBytes(Uint8Array.of(0x84, 0), key, new Uint8Array(65), call);
  const bytes = concatBytes(compact(signed.length), signed);
  anchor.extrinsic.bytes = `0x${toHex(bytes)}`;
  anchor.extrinsic.hash = `0x${toHex(blake2b256(fromHex(anchor.extrinsic.bytes)!))}`;
}

/** Replaces every old hash in a text by what it is now. */
const renamed = (text: string, names: ReadonlyMap<string, string>): string =>
  [...names].reduce((out, [before, now]) => out.replaceAll(before, now), text);

/** Lets a round list the evidence that lies in its folder now. */
function listEvidence({ path, predicate }: Forged, evidence: Workbench['evidence']): void {
  const folder = folderOf(path);
  if (!path.endsWith('round.json') || typeof predicate?.files !== 'object') return;
  predicate.files = Object.fromEntries(
    [...evidence]
      .filter(([name]) => name.startsWith(folder))
      .map(([name, bytes]) => [name.slice(folder.length), sha256Hex(bytes)]),
  );
}

/**
 * Forges a ledger: `edit` changes records and evidence in place, adds or removes some. Then every
 * record gets its number and its link, references follow the new hashes, anchors are sent again,
 * and everything is signed with the validator's own key.
 */
export function forge(
  { validator, signer, files }: { validator: string; signer: Signer; files: LedgerFiles },
  edit: (bench: Workbench) => void,
): LedgerFiles {
  const order = readLedger(validator, files).records;
  const records = order.map(({ path, sha256 }) => ({
    ...(JSON.parse(Buffer.from(files.get(path)!).toString()) as Forged),
    path,
    was: sha256,
  }));
  const bench: Workbench = {
    records,
    evidence: new Map([...files].filter(([path]) => path.endsWith('.gz'))),
  };
  edit(bench);
  const forged = new Map(bench.evidence);
  const names = new Map<string, string>();
  let prev: string | null = null;
  for (const [seq, item] of bench.records.entries()) {
    const { path, was, ...statement } = item as Forged & { was?: string };
    const text = renamed(JSON.stringify(statement), names);
    const now = JSON.parse(text) as Forged;
    Object.assign(now.predicate, { seq, prev });
    listEvidence({ ...now, path }, bench.evidence);
    if (path.endsWith('anchor.json')) resend(now.predicate, validator);
    const bytes = utf8(renderJson(now));
    prev = sha256Hex(bytes);
    if (was !== undefined && was !== prev) names.set(was, prev);
    // What did not change keeps its signature.
    const kept = was === prev ? files.get(`${path}.sig`) : undefined;
    forged.set(path, bytes);
    forged.set(`${path}.sig`, kept ?? utf8(signatureFile(signer, bytes)));
  }
  return forged;
}
