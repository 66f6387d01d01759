import { beforeEach, describe, expect, test } from 'vitest';
import { World } from '../helpers/world.ts';
import type { Device } from '../helpers/world.ts';

let world: World;
let a: Device;
let b: Device;

async function fill(isClientSide = false): Promise<void> {
  world = new World({ isClientSide });
  a = world.addDevice('anna');
  b = world.addDevice('ben');
  for (let i = 0; i < 40; i++) a.disk.write(`files/${i}`, `content ${i}`);
  for (const device of [a, b, a]) await device.sync();
}

beforeEach(() => fill());

describe('a plan that looks like an accident', () => {
  test('waits with its deletions while everything else goes on', async () => {
    for (let i = 0; i < 30; i++) a.disk.remove(`files/${i}`);
    a.disk.write('new', 'new');
    const result = await a.sync();
    expect(result?.held).toMatchObject({ reason: 'mass-delete-remote', ofTotal: 40 });
    expect(world.remoteFiles().size).toBe(41);
    expect(a.engine.status()).toMatchObject({ state: 'needs-attention', phase: 'held', held: { deletions: 30, ofTotal: 40 } });
    expect(a.engine.status().held?.examples.length).toBe(30);
  });

  test('is carried out once it is accepted, and only that time', async () => {
    for (let i = 0; i < 20; i++) a.disk.remove(`files/${i}`);
    await a.sync();
    expect((await a.sync({ acceptHeld: true }))?.held).toBeNull();
    expect(world.remoteFiles().size).toBe(20);
    for (let i = 20; i < 40; i++) a.disk.remove(`files/${i}`);
    expect((await a.sync())?.held).not.toBeNull();
    expect(world.remoteFiles().size).toBe(20);
  });

  test('brings the files back to where they were deleted when the user says so', async () => {
    for (let i = 0; i < 30; i++) a.disk.remove(`files/${i}`);
    await a.sync();
    await a.engine.answerHeld('bring-back');
    expect(await a.sync()).toMatchObject({ held: null, isInStep: true });
    expect(a.disk.files().size).toBe(40);
    expect(world.remoteFiles().size).toBe(40);
  });

  test('brings the files back to an emptied bucket when the user says so', async () => {
    for (let i = 0; i < 40; i++) world.deleteForeign(`files/${i}`);
    expect((await b.sync())?.held).toMatchObject({ reason: 'remote-emptied' });
    expect(b.disk.files().size).toBe(40);
    await b.engine.answerHeld('bring-back');
    await b.sync();
    expect(world.remoteFiles().size).toBe(40);
    await a.sync();
    expect(a.disk.files().size).toBe(40);
  });

  test('carries out what the user answered in a running folder, without being told again', async () => {
    for (let i = 0; i < 30; i++) a.disk.remove(`files/${i}`);
    await a.sync();
    a.engine.start();
    const states: string[] = [];
    a.engine.onStatus(({ state, held }) => states.push(held === null ? state : 'held'));
    await a.engine.answerHeld('delete');
    await world.clock.advance(1_000);
    // Not up to date before what was answered is done.
    expect(states.lastIndexOf('syncing')).toBeLessThan(states.indexOf('up-to-date'));
    expect([states.at(0), states.at(-1)]).toEqual(['held', 'up-to-date']);
    await a.engine.close();
    expect(world.remoteFiles().size).toBe(10);
  });
});

describe('objects that vanish from a client-side folder', () => {
  beforeEach(() => fill(true));

  test('are asked about and never taken for deletions', async () => {
    world.deleteForeign('files/7');
    const result = await b.sync();
    expect(result).toMatchObject({ done: 0, isInStep: false, questions: [{ type: 'vanished', path: 'files/7' }] });
    expect(b.engine.status()).toMatchObject({ state: 'needs-attention', held: { reason: 'vanished', deletions: 1, examples: ['files/7'] } });
    expect(b.disk.read('files/7')).toBe('content 7');
  });

  test('are uploaded again when they are to come back', async () => {
    world.deleteForeign('files/7');
    await b.sync();
    await b.engine.answerHeld('bring-back');
    expect(await b.sync()).toMatchObject({ isInStep: true });
    expect(world.remoteFiles().get('files/7')).toBe('content 7');
    await a.sync();
    expect(a.disk.files().size).toBe(40);
  });

  test('are deleted on all devices when the deletion was meant', async () => {
    world.deleteForeign('files/7');
    await b.sync();
    await b.engine.answerHeld('delete');
    expect(await b.sync()).toMatchObject({ isInStep: true });
    expect(b.disk.read('files/7')).toBeNull();
    expect(await a.sync()).toMatchObject({ isInStep: true, questions: [] });
    expect(a.disk.read('files/7')).toBeNull();
  });

  test('stop the folder when its description is gone too', async () => {
    world.deleteForeign('files/7');
    world.bucket.isDescribed = false;
    const result = await b.cycle();
    expect(result).toMatchObject({ done: 0, stopped: { code: 'descriptor-missing' } });
  });
});
