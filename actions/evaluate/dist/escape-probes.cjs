const __bundle_url=require('node:url').pathToFileURL(__filename).href;
"use strict";

// src/sandbox/io/escape-probes-main.ts
var import_node_child_process = require("node:child_process");
var import_promises = require("node:dns/promises");
var import_node_dgram = require("node:dgram");
var import_node_fs = require("node:fs");
var import_node_net = require("node:net");
var import_node_net2 = require("node:net");
var TIMEOUT_MS = 300;
var MAX_SPAWNS = 4096;
if (process.argv[2] === "memory") {
  const kept = [];
  for (; ; ) kept.push(Buffer.alloc(16 * 1024 * 1024, 1));
}
var given = JSON.parse(process.argv[2] ?? "{}");
var seen = {};
var codeOf = (error) => error.code ?? String(error);
var attempt = (name, work) => {
  try {
    const answer = work();
    seen[name] = typeof answer === "string" ? answer : "ok";
  } catch (error) {
    seen[name] = codeOf(error);
  }
};
function tcp(host, port) {
  return new Promise((resolve) => {
    const socket = (0, import_node_net.connect)({ host, port });
    const timer = setTimeout(() => resolve("timeout"), TIMEOUT_MS);
    const end = (answer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => end("REACHED"));
    socket.on("error", (error) => end(codeOf(error)));
  });
}
function udp(host, port) {
  return new Promise((resolve) => {
    const socket = (0, import_node_dgram.createSocket)((0, import_node_net2.isIPv6)(host) ? "udp6" : "udp4");
    const timer = setTimeout(() => end("no answer"), TIMEOUT_MS);
    const end = (answer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    socket.on("error", (error) => end(codeOf(error)));
    socket.on("message", () => end("REACHED"));
    const query = Buffer.from("123401000001000000000000066361636865000000010001", "hex");
    socket.connect(port, host, (error) => {
      if (error) {
        end(codeOf(error));
        return;
      }
      socket.send(query, (failure) => failure && end(codeOf(failure)));
    });
  });
}
async function network() {
  for (const host of given.gateways) seen[`gateway ${host}`] = await tcp(host, given.port);
  for (const host of given.hosts) seen[`host ${host}`] = await tcp(host, given.port);
  for (const host of given.peers) seen[`peer ${host}`] = await tcp(host, 8e3);
  seen["interfaces"] = (0, import_node_fs.readFileSync)("/proc/net/dev", "latin1").split("\n").slice(2).map((line) => line.split(":")[0].trim()).filter((name) => name !== "").join(",");
  seen["metadata tcp"] = await tcp("169.254.169.254", 80);
  for (const host of ["10.0.0.1", "172.16.0.1", "192.168.0.1"])
    seen[`lan ${host}`] = await tcp(host, 80);
  seen["internet tcp"] = await tcp("1.1.1.1", 443);
  seen["internet quic"] = await udp("1.1.1.1", 443);
  seen["resolver 127.0.0.11"] = await udp("127.0.0.11", 53);
  seen["resolver name"] = await (0, import_promises.lookup)("cacheon-canary.example").then(() => "ANSWERED", codeOf);
  seen["dns 8.8.8.8"] = await udp("8.8.8.8", 53);
  seen["ipv6 link-local"] = await tcp("fe80::1", given.port);
  seen["ipv6 private"] = await tcp("fd00::1", given.port);
  seen["ipv6 internet"] = await tcp("2606:4700:4700::1111", 443);
}
function kernel() {
  const calls = (0, import_node_child_process.spawnSync)(given.program, { maxBuffer: 1024 * 1024 }).stdout;
  const errno = {
    1: "EPERM",
    13: "EACCES",
    38: "ENOSYS",
    22: "EINVAL",
    2: "ENOENT",
    14: "EFAULT",
    97: "EAFNOSUPPORT"
  };
  for (const [i, name] of given.calls.entries()) {
    const result = Number(calls.readBigInt64LE(i * 64 + 56));
    seen[`call ${name}`] = result >= 0 ? "ALLOWED" : errno[-result] ?? `errno ${-result}`;
  }
  const write = (path) => attempt(`write ${path}`, () => (0, import_node_fs.writeFileSync)(path, "1"));
  for (const path of [
    "/proc/sys/kernel/hostname",
    "/proc/sysrq-trigger",
    "/sys/kernel/mm/ksm/run",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/probe"
  ])
    write(path);
  for (const path of ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/dev/mem", "/dev/kmsg"])
    attempt(`read ${path}`, () => {
      const file = (0, import_node_fs.openSync)(path, "r");
      const length = (0, import_node_fs.readSync)(file, Buffer.alloc(64), 0, 64, 0);
      (0, import_node_fs.closeSync)(file);
      return length === 0 ? "empty" : "READ";
    });
  for (const path of [
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/home/runner",
    "/github",
    "/actions-runner",
    "/workspace"
  ])
    seen[`there ${path}`] = (0, import_node_fs.existsSync)(path) ? "THERE" : "absent";
  const secret = Object.keys(process.env).filter(
    (name) => /TOKEN|SECRET|GITHUB|RUNNER|ACTIONS|CACHEON|AWS|KEY/i.test(name)
  );
  seen["there secrets in the environment"] = secret.length === 0 ? "absent" : secret.join(",");
}
function fill() {
  attempt("fill root", () => (0, import_node_fs.writeFileSync)("/fill", Buffer.alloc(1024)));
  attempt("bomb tmpfs", () => {
    const file = (0, import_node_fs.openSync)("/tmp/fill", "w");
    const block = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 1024; i++) (0, import_node_fs.writeSync)(file, block);
  });
  attempt("bomb shm", () => {
    const file = (0, import_node_fs.openSync)("/dev/shm/fill", "w");
    const block = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 1024; i++) (0, import_node_fs.writeSync)(file, block);
  });
  attempt("bomb inodes", () => {
    for (let i = 0; i < 2e5; i++) (0, import_node_fs.writeFileSync)(`/cache/${i}`, "");
  });
  const files = [];
  attempt("bomb files", () => {
    for (let i = 0; i < 1e5; i++) files.push((0, import_node_fs.openSync)("/proc/self/stat", "r"));
  });
  for (const file of files) (0, import_node_fs.closeSync)(file);
}
function forks() {
  return new Promise((resolve) => {
    let left = MAX_SPAWNS;
    const next = () => {
      if (left-- === 0) {
        resolve("no limit");
        return;
      }
      const child = (0, import_node_child_process.spawn)(given.sleeper, { stdio: "ignore" });
      child.on("error", (error) => resolve(codeOf(error)));
      child.on("spawn", next);
    };
    next();
  });
}
async function main() {
  await network();
  kernel();
  fill();
  seen["bomb forks"] = await forks();
  process.stdout.write(`${JSON.stringify(seen)}
`, () => process.exit(0));
}
void main();
