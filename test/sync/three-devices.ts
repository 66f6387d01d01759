/* oxlint-disable vitest/no-standalone-expect -- run inside tests */
/** Three computers, each with a process that watches, on a real server: their users do what comes to mind, and the processes are killed at any moment. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { createComputer, type Computer, type Server } from '../helpers/cli.ts';
import { Dice } from '../helpers/faults.ts';
import { treeOf, writeAt } from '../helpers/tree.ts';

const NAMES = ['anna', 'ben', 'carla'] as const;
const MOST_PAUSE_MS = 150;
const KILL_CHANCE = 0.05;
const SHARED = 'shared';
const SHARED_FILES = 6;
const OWN_FILES = 20;
const MOST_SYNCS = 4;
const CONTENT_END = ' the end';

export type Outcome = { readonly seed: number; readonly acts: number; readonly kills: number; readonly files: number; readonly conflictCopies: number };

type Device = { readonly name: string; readonly computer: Computer; readonly root: string; readonly id: string; child: ChildProcess | null };

/** @param server - in which the bucket is made. */
export async function runThreeDevices(scratch: string, server: Server, forMs: number, seed: number): Promise<Outcome> {
  const dice = new Dice(seed);
  const devices = await addDevices(scratch, server);
  const expected = new Map<string, string>();
  const written = new Set<string>();
  let acts = 0;
  let kills = 0;

  const newContent = (): string => {
    const content = `${String(acts).padStart(6, '0')} `.repeat(1 + dice.below(2_000)) + CONTENT_END;
    written.add(content);
    return content;
  };

  /** In a user's own directory nobody else does anything, so that what must be there in the end is known. */
  function actOnOwn({ name, root }: Device): void {
    const own = (): string => `${name}/${dice.below(3)}/file ${dice.below(OWN_FILES)}`;
    const path = own();
    const roll = dice.next();
    if (!expected.has(path) || roll < 0.4) {
      const content = newContent();
      expected.set(path, content);
      writeAt(root, path, content);
    } else if (roll < 0.6) {
      expected.delete(path);
      rmSync(join(root, path));
    } else {
      const to = own();
      const content = expected.get(path);
      if (to === path || content === undefined) return;
      mkdirSync(join(root, to, '..'), { recursive: true });
      renameSync(join(root, path), join(root, to));
      expected.delete(path);
      expected.set(to, content);
    }
  }

  function actOnShared({ root }: Device): void {
    const path = join(root, SHARED, `file ${dice.below(SHARED_FILES)}`);
    if (dice.chance(0.8) || !existsSync(path)) writeAt(root, `${SHARED}/file ${dice.below(SHARED_FILES)}`, newContent());
    else rmSync(path, { force: true });
  }

  const endMs = performance.now() + forMs;
  try {
    while (performance.now() < endMs) {
      for (const device of devices) if (device.child === null) start(device);
      const device = dice.pick(devices);
      acts += 1;
      if (dice.chance(0.8)) actOnOwn(device);
      else actOnShared(device);
      if (dice.chance(KILL_CHANCE)) {
        kills += 1;
        await kill(device);
      }
      await delay(dice.below(MOST_PAUSE_MS));
    }
  } finally {
    for (const device of devices) await kill(device);
  }
  await comeToRest(devices);

  const about = `seed ${seed}`;
  for (const { name, root } of devices) {
    const found = contentsOf(root);
    for (const [path, content] of expected) expect(found.get(path) === content, `${about}: ${path} on ${name}'s disk is ${found.get(path)?.slice(0, 20) ?? 'gone'}, not ${content.slice(0, 20)}`).toBe(true);
    for (const [path, content] of found) {
      expect(written.has(content), `${about}: ${path} on ${name}'s disk is whole`).toBe(true);
      expect(expected.has(path) || path.startsWith(`${SHARED}/`), `${about}: ${path} on ${name}'s disk was meant to be there`).toBe(true);
    }
    expect(treeOf(root), about).toEqual(treeOf(devices[0]?.root ?? ''));
  }
  const all = contentsOf(devices[0]?.root ?? '');
  return { seed, acts, kills, files: all.size, conflictCopies: [...all.keys()].filter((path) => path.includes('(conflict ')).length };
}

async function addDevices(scratch: string, server: Server): Promise<readonly Device[]> {
  writeFileSync(join(scratch, 'raw.key'), Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7 + 3)));
  const devices: Device[] = [];
  for (const name of NAMES) {
    const computer = createComputer(scratch, `${name}'s home`);
    const root = join(scratch, name);
    mkdirSync(root);
    await computer.connect(server);
    await computer.ok(['key', 'import', 'shared', '--from', join(scratch, 'raw.key')]);
    const how = devices.length === 0 ? ['--mode', 'cse-c', '--key', 'shared', '--create-bucket'] : [];
    const { id } = await computer.json<{ id: string }>(['folder', 'add', root, '--remote', 's3://three-devices/x', '--connection', 's3', ...how]);
    devices.push({ name, computer, root, id, child: null });
  }
  return devices;
}

function start(device: Device): void {
  device.child = device.computer.spawn(['sync', device.id, '--watch', '--yes', '--json']);
  for (const stream of [device.child.stdout, device.child.stderr]) stream?.resume();
}

async function kill(device: Device): Promise<void> {
  const { child } = device;
  device.child = null;
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
}

async function comeToRest(devices: readonly Device[]): Promise<void> {
  for (let i = 0; i < MOST_SYNCS; i++) {
    for (const { computer, id } of devices) {
      const { code, stdout, stderr } = await computer.run(['sync', id, '--yes', '--json']);
      if (i === MOST_SYNCS - 1) expect({ code, stdout: code === 0 ? '' : stdout, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
    }
    const trees = devices.map(({ root }) => JSON.stringify(treeOf(root)));
    if (i > 0 && new Set(trees).size === 1) return;
  }
}

function contentsOf(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const path of readdirSync(root, { recursive: true }) as string[]) {
    if (!path.startsWith('.enfold') && statSync(join(root, path)).isFile()) found.set(path, readFileSync(join(root, path), 'utf8'));
  }
  return found;
}
