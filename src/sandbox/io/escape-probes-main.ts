// The escape probes, as a program inside the sandbox: it tries the attacks of a hostile server, and
// prints the result of each attempt as one line of JSON. Its argument is JSON: addresses to try,
// and the port of the host's canary. Imports nothing but Node.
import { spawn, spawnSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { createSocket } from 'node:dgram';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { isIPv6 } from 'node:net';

type Given = {
  gateways: string[];
  hosts: string[];
  peers: string[];
  port: number;
  calls: string[];
  program: string;
  sleeper: string;
};
const TIMEOUT_MS = 300;
const MAX_SPAWNS = 4096;

if (process.argv[2] === 'memory') {
  const kept: Buffer[] = [];
  for (;;) kept.push(Buffer.alloc(16 * 1024 * 1024, 1));
}

const given = JSON.parse(process.argv[2] ?? '{}') as Given;
const seen: Record<string, string> = {};
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);
const attempt = (name: string, work: () => unknown): void => {
  try {
    const answer = work();
    seen[name] = typeof answer === 'string' ? answer : 'ok';
  } catch (error) {
    seen[name] = codeOf(error);
  }
};

function tcp(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => resolve('timeout'), TIMEOUT_MS);
    const end = (answer: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => end('REACHED'));
    socket.on('error', (error) => end(codeOf(error)));
  });
}

function udp(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => end('no answer'), TIMEOUT_MS);
    const end = (answer: string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    socket.on('error', (error) => end(codeOf(error)));
    socket.on('message', () => end('REACHED'));
    // A query for a canary name: an answer, or silence, would mean that some resolver took it.
    const query = Buffer.from('12340100000100000000000006636163686500' + '0000010001', 'hex');
    socket.connect(port, host, (error?: unknown) => {
      if (error) {
        end(codeOf(error));
        return;
      }
      socket.send(query, (failure) => failure && end(codeOf(failure)));
    });
  });
}

async function network(): Promise<void> {
  for (const host of given.gateways) seen[`gateway ${host}`] = await tcp(host, given.port);
  for (const host of given.hosts) seen[`host ${host}`] = await tcp(host, given.port);
  for (const host of given.peers) seen[`peer ${host}`] = await tcp(host, 8000);
  seen['interfaces'] = readFileSync('/proc/net/dev', 'latin1')
    .split('\n')
    .slice(2)
    .map((line) => line.split(':')[0]!.trim())
    .filter((name) => name !== '')
    .join(',');
  seen['metadata tcp'] = await tcp('169.254.169.254', 80);
  for (const host of ['10.0.0.1', '172.16.0.1', '192.168.0.1'])
    seen[`lan ${host}`] = await tcp(host, 80);
  seen['internet tcp'] = await tcp('1.1.1.1', 443);
  seen['internet quic'] = await udp('1.1.1.1', 443);
  seen['resolver 127.0.0.11'] = await udp('127.0.0.11', 53);
  seen['resolver name'] = await lookup('cacheon-canary.example').then(() => 'ANSWERED', codeOf);
  seen['dns 8.8.8.8'] = await udp('8.8.8.8', 53);
  seen['ipv6 link-local'] = await tcp('fe80::1', given.port);
  seen['ipv6 private'] = await tcp('fd00::1', given.port);
  seen['ipv6 internet'] = await tcp('2606:4700:4700::1111', 443);
}

function kernel(): void {
  const calls = spawnSync(given.program, { maxBuffer: 1024 * 1024 }).stdout;
  const errno: Record<number, string> = {
    1: 'EPERM',
    13: 'EACCES',
    38: 'ENOSYS',
    22: 'EINVAL',
    2: 'ENOENT',
    14: 'EFAULT',
    97: 'EAFNOSUPPORT',
  };
  for (const [i, name] of given.calls.entries()) {
    const result = Number(calls.readBigInt64LE(i * 64 + 56));
    seen[`call ${name}`] = result >= 0 ? 'ALLOWED' : (errno[-result] ?? `errno ${-result}`);
  }

  const write = (path: string): void => attempt(`write ${path}`, () => writeFileSync(path, '1'));
  for (const path of [
    '/proc/sys/kernel/hostname',
    '/proc/sysrq-trigger',
    '/sys/kernel/mm/ksm/run',
    '/etc/hosts',
    '/etc/resolv.conf',
    '/probe',
  ])
    write(path);
  for (const path of ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/dev/mem', '/dev/kmsg'])
    attempt(`read ${path}`, () => {
      const file = openSync(path, 'r');
      const length = readSync(file, Buffer.alloc(64), 0, 64, 0);
      closeSync(file);
      return length === 0 ? 'empty' : 'READ';
    });
  for (const path of [
    '/var/run/docker.sock',
    '/run/docker.sock',
    '/run/containerd/containerd.sock',
    '/home/runner',
    '/github',
    '/actions-runner',
    '/workspace',
  ])
    seen[`there ${path}`] = existsSync(path) ? 'THERE' : 'absent';
  const secret = Object.keys(process.env).filter((name) =>
    /TOKEN|SECRET|GITHUB|RUNNER|ACTIONS|CACHEON|AWS|KEY/i.test(name),
  );
  seen['there secrets in the environment'] = secret.length === 0 ? 'absent' : secret.join(',');
}

function fill(): void {
  attempt('fill root', () => writeFileSync('/fill', Buffer.alloc(1024)));
  attempt('bomb tmpfs', () => {
    const file = openSync('/tmp/fill', 'w');
    const block = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 1024; i++) writeSync(file, block);
  });
  attempt('bomb shm', () => {
    const file = openSync('/dev/shm/fill', 'w');
    const block = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 1024; i++) writeSync(file, block);
  });
  attempt('bomb inodes', () => {
    for (let i = 0; i < 200_000; i++) writeFileSync(`/cache/${i}`, '');
  });
  const files: number[] = [];
  attempt('bomb files', () => {
    for (let i = 0; i < 100_000; i++) files.push(openSync('/proc/self/stat', 'r'));
  });
  for (const file of files) closeSync(file);
}

function forks(): Promise<string> {
  return new Promise((resolve) => {
    let left = MAX_SPAWNS;
    const next = (): void => {
      if (left-- === 0) {
        resolve('no limit');
        return;
      }
      const child = spawn(given.sleeper, { stdio: 'ignore' });
      child.on('error', (error) => resolve(codeOf(error)));
      child.on('spawn', next);
    };
    next();
  });
}

async function main(): Promise<void> {
  await network();
  kernel();
  fill();
  seen['bomb forks'] = await forks();
  process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0));
}

void main();
