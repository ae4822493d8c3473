#!/usr/bin/env node
// Writes the licences of what others wrote and we pass on: crates that are linked into the app and the
// service, with the C that they bundle (Opus, AWS-LC, SQLite), and packages in the user interface. Each
// text stands once, below the names of those that it is of.
//
//     node .ci/third-party-notices.mjs target/third-party-notices.txt
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAMS = ["call-coaching", "service"];
const LICENCE = /^(un)?licen[cs]e|^copying|^notice|^copyright|^patents/i;
/** Never part of a program, and large. */
const ASIDE = /^(\.|tests?$|benches$|examples$|node_modules$|fuzz$|docs?$)/;
const DEPTH_MAX = 4;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = process.argv[2] ?? join(root, "target/third-party-notices.txt");

function run(program, args) {
  return execFileSync(program, args, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 28 });
}

/** The crates linked into the programs: no build script's, no macro's, no test's. */
function crates() {
  const host = /^host: (.*)$/m.exec(run("rustc", ["-vV"]))[1];
  const args = ["metadata", "--locked", "--format-version=1", `--filter-platform=${host}`];
  const { packages, resolve } = JSON.parse(run("cargo", args));
  const byId = new Map(packages.map((one) => [one.id, one]));
  const depends = new Map(resolve.nodes.map(({ id, deps }) => [id, deps]));
  const linked = new Set();
  const open = packages.filter(({ name, source }) => !source && PROGRAMS.includes(name));
  if (open.length !== PROGRAMS.length) throw new Error("a program is not in the workspace");
  while (open.length > 0) {
    const { id, targets } = open.pop();
    if (linked.has(id) || targets.some(({ kind }) => kind.includes("proc-macro"))) continue;
    linked.add(id);
    for (const { pkg, dep_kinds } of depends.get(id))
      if (dep_kinds.some(({ kind }) => kind === null)) open.push(byId.get(pkg));
  }
  return [...linked]
    .map((id) => byId.get(id))
    .filter(({ source }) => source)
    .map(({ name, version, license, manifest_path }) => ({
      name,
      version,
      licence: license ?? "see below",
      folder: dirname(manifest_path),
    }));
}

/** The packages that the user interface is built from; those that only build or test it stay out. */
function npmPackages() {
  const lock = JSON.parse(readFileSync(join(root, "ui/package-lock.json"), "utf8"));
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional, optional }]) => path && !dev && !devOptional && !optional)
    .map(([path, { version, license }]) => ({
      name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
      version,
      licence: license ?? "see below",
      folder: join(root, "ui", path),
    }));
}

function* licenceFiles(folder, depth = 0) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (/^licen[cs]es?$/i.test(entry.name))
        yield* readdirSync(path, { withFileTypes: true })
          .filter((file) => file.isFile())
          .map((file) => join(path, file.name));
      else if (depth < DEPTH_MAX && !ASIDE.test(entry.name)) yield* licenceFiles(path, depth + 1);
    } else if (LICENCE.test(entry.name) && !/\.(rs|js|ts|svelte|c|h|html|json|py|go)$/.test(entry.name)) {
      yield path;
    }
  }
}

const texts = new Map();
const bare = [];
const all = [...crates(), ...npmPackages()];
for (const { name, version, licence, folder } of all) {
  const title = `${name} ${version} (${licence})`;
  const files = [...licenceFiles(folder)];
  if (files.length === 0) bare.push(title);
  for (const file of files) {
    const text = readFileSync(file, "utf8").replaceAll("\r\n", "\n").trim();
    // Words alone decide whether two texts are the same.
    const key = text.replace(/\s+/g, " ");
    if (!texts.has(key)) texts.set(key, { text, of: new Set() });
    const within = relative(folder, dirname(file));
    texts.get(key).of.add(within ? `${title}, its ${within}` : title);
  }
}

const line = "-".repeat(100);
const parts = [
  "Call Coaching contains the work of others. What each of them is licensed under, and the texts of the\n" +
    "licences:",
  ...[...texts.values()].map(({ text, of }) => `${[...of].sort().join("\n")}\n\n${text}`),
];
if (bare.length > 0)
  parts.push(
    `These carry no text of their own; the licences that they name are above.\n\n${bare.sort().join("\n")}`,
  );
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, parts.join(`\n\n${line}\n`) + "\n");
console.log(`${out}: ${all.length} packages, ${texts.size} texts, ${bare.length} without one`);
