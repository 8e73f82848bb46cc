import { mkdirSync } from 'node:fs';
import { DefaultArtifactClient } from '@actions/artifact';
import { messageOf } from '../../core/errors.ts';
import { GithubError } from '../errors.ts';

/** Largest artifact taken in: a round's traces are a hundredth of it. */
const MAX_ARTIFACT_BYTES = 2 * 1024 * 1024 * 1024;
const KEEP_DAYS = 30;

/** Uploads files of a folder under a name that must be new in this run. */
export async function uploadFiles(name: string, folder: string, files: readonly string[]): Promise<void> {
  await new DefaultArtifactClient().uploadArtifact(name, [...files], folder, { retentionDays: KEEP_DAYS, compressionLevel: 0 });
}

/** Names of this run's artifacts with a prefix. */
export async function artifactNames(prefix: string): Promise<string[]> {
  const { artifacts } = await new DefaultArtifactClient().listArtifacts({ latest: true });
  return artifacts.map(({ name }) => name).filter((name) => name.startsWith(prefix)).sort();
}

/** Downloads an artifact of this run. Its size is checked before, its digest after: the library itself does not fail on a mismatch. */
export async function downloadFiles(name: string, folder: string): Promise<void> {
  const client = new DefaultArtifactClient();
  const found = await client.getArtifact(name).catch((error: unknown) => {
    throw new GithubError('NO_ARTIFACT', 'infra', `there is no artifact ${name}: ${messageOf(error)}`, 'the job that makes it failed: look at its log', error);
  });
  const { artifact } = found;
  if (artifact.size > MAX_ARTIFACT_BYTES) throw new GithubError('ARTIFACT_TOO_LARGE', 'infra', `artifact ${name} has ${artifact.size} bytes`, 'only our own actions may upload to this run');
  if (artifact.digest === undefined) throw new GithubError('INFRA_DIGEST', 'infra', `artifact ${name} has no digest`, 'run the job again');
  mkdirSync(folder, { recursive: true });
  const result = await client.downloadArtifact(artifact.id, { path: folder, expectedHash: artifact.digest });
  if (result.digestMismatch === true) throw new GithubError('INFRA_DIGEST', 'infra', `artifact ${name} does not have its digest ${artifact.digest}`, 'run the job again');
}
