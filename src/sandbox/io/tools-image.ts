// Building of the container image that holds the validator's own tools.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { sha256Hex } from '../../core/hash.ts';
import { dockerError, followed } from '../../node/docker.ts';
import { PAUSE, READ_STDIN, syscallProgram, SYSCALLS } from '../syscall-program.ts';

const NAME = 'cacheon-tools';
const APP = '/app';
/** Where the programs stand in the image. */
export const NODE = '/node';
export const SYSCALL_PROGRAM = '/syscalls';
export const SLEEPER = '/sleeper';
/** Runs for as long as the process that started it. */
export const WATCHER = '/watcher';

/** A file of an image: its content and mode. */
export type ImageFile = { readonly bytes: Uint8Array; readonly mode: number };

/** The shared libraries that a program loads, by the path where its loader looks for them. */
export function libraries(program: string): Map<string, ImageFile> {
  const files = new Map<string, ImageFile>();
  for (const line of execFileSync('ldd', [program]).toString().split('\n')) {
    const path = /(?:=> )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line.trim())?.[1];
    if (path !== undefined)
      files.set(path, { bytes: readFileSync(realpathSync(path)), mode: 0o755 });
  }
  return files;
}

/**
 * A program's own file and every file that it imports, by their path under /app. From a bundle that
 * is one file.
 */
function programFiles(
  entry: string,
  root: string,
  found = new Map<string, ImageFile>(),
): Map<string, ImageFile> {
  const at = join(APP, relative(root, entry));
  if (found.has(at)) return found;
  const bytes = readFileSync(entry);
  found.set(at, { bytes, mode: 0o644 });
  if (entry.endsWith('.ts'))
    for (const [, path] of bytes.toString('utf8').matchAll(/ from '(\.[^']+)'/g))
      programFiles(join(dirname(entry), path!), root, found);
  return found;
}

/**
 * The image of our own programs (measuring client, ground truth, probes): the Node that runs here,
 * the libraries it loads, and nothing else. No registry takes part: the measuring code comes from
 * this checkout. The image's name is its content; this function makes it only where it is missing.
 */
export async function toolsImage(
  docker: Docker,
  programs: Readonly<Record<string, string>>,
): Promise<{ name: string; paths: Record<string, string> }> {
  const files = new Map<string, ImageFile>([
    ...libraries(process.execPath),
    [NODE, { bytes: readFileSync(process.execPath), mode: 0o755 }],
    [SYSCALL_PROGRAM, { bytes: syscallProgram(SYSCALLS), mode: 0o755 }],
    [SLEEPER, { bytes: syscallProgram([PAUSE]), mode: 0o755 }],
    [WATCHER, { bytes: syscallProgram([READ_STDIN]), mode: 0o755 }],
    [`${APP}/package.json`, { bytes: Buffer.from('{"type":"module"}\n'), mode: 0o644 }],
  ]);
  const paths: Record<string, string> = {};
  for (const [name, program] of Object.entries(programs)) {
    const root = program.endsWith('.ts') ? sourceRoot(program) : dirname(program);
    for (const [path, file] of programFiles(program, root)) files.set(path, file);
    paths[name] = join(APP, relative(root, program));
  }
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const id = sha256Hex(
    sorted.map(([path, { bytes, mode }]) => `${path} ${mode} ${sha256Hex(bytes)}\n`).join(''),
  ).slice(0, 16);
  const name = `${NAME}:${id}`;
  try {
    await docker.getImage(name).inspect();
    return { name, paths };
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404)
      throw dockerError('the tools image cannot be looked at', error);
  }
  const tar = pack();
  for (const [path, { bytes, mode }] of sorted)
    tar.entry({ name: path.slice(1), mode, mtime: new Date(0) }, Buffer.from(bytes));
  tar.finalize();
  try {
    const stream = await docker.importImage(tar as unknown as NodeJS.ReadableStream, {
      fromSrc: '-',
      repo: NAME,
      tag: id,
    });
    await followed(docker, stream);
  } catch (error) {
    throw dockerError('the tools image cannot be made', error);
  }
  await forgetOthers(docker, name);
  return { name, paths };
}

/** Removes the tools of earlier versions of this code; tools that another checkout uses stay. */
async function forgetOthers(docker: Docker, name: string): Promise<void> {
  const images = await docker.listImages({ filters: { reference: [NAME] } }).catch(() => []);
  const names = images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((other) => other !== name);
  await Promise.allSettled(names.map((other) => docker.getImage(other).remove()));
}

function sourceRoot(program: string): string {
  for (let folder = dirname(program); folder !== dirname(folder); folder = dirname(folder))
    if (existsSync(join(folder, 'package.json'))) return folder;
  return dirname(program);
}
